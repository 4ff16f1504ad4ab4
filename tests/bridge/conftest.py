"""What several tests of the bridge use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from door import door
from handrail_bridge import run_dir
from handrail_bridge.agents import stay as staying
from handrail_bridge.loop.settings import LoopConfig, loop_configs
from handrail_sim.cell_file import load_cell
from handrail_sim.verdict import Trajectory
from loop_rig import ROWS, TRAVEL, PlainBus, Rig, sweep
from rail_rig import opened
from reflex_trial import Trial
from staying_rig import Place


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    """A door with a mailbox behind it, and no arm."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(staying, "TICK", 0.02)
    monkeypatch.setattr(staying, "LONG", 0.05)
    there = Place(run_dir.state_dir("desk"))
    async with door(there.folder, there.facts) as there.address:
        yield there


@pytest.fixture
async def road(tmp_path: Path) -> AsyncIterator[SimpleNamespace]:
    """The desk's rail, armed."""
    async with opened(tmp_path) as there:
        yield there


@pytest.fixture
def trial() -> Iterator[Callable[..., Trial]]:
    """Make loops that end with the test."""
    made: list[Trial] = []

    def make(*args: object, **changes: object) -> Trial:
        made.append(Trial(*args, **changes))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.rig.close()


@pytest.fixture(scope="module")
def config() -> LoopConfig:
    strict = {"late_reads": 3, "silence": 0.015, "rules": {}}
    return loop_configs(load_cell("desk"), {})[0].model_copy(update=strict)


@pytest.fixture
def bus(config: LoopConfig) -> PlainBus:
    return PlainBus(config.joints)


@pytest.fixture
def rig(config: LoopConfig, bus: PlainBus) -> Iterator[Rig]:
    def factory() -> PlainBus:
        bus.on_read()
        return bus

    rig = Rig(config, factory)
    bus.now = rig.clock.now_ns
    rig.lease()
    yield rig
    rig.close()


@pytest.fixture
def armed(rig: Rig, bus: PlainBus) -> Rig:
    rig.ask("arm", hold=bus.position)
    return rig


@pytest.fixture
def path(bus: PlainBus, config: LoopConfig) -> Trajectory:
    return sweep(bus.position, TRAVEL, ROWS, config.rate, config.joints)
