"""What several tests of the bridge use."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from handrail_bridge.loop.settings import LoopConfig, loop_configs
from handrail_sim.cell_file import load_cell
from handrail_sim.verdict import Trajectory
from loop_rig import ROWS, TRAVEL, PlainBus, Rig, sweep
from reflex_trial import Trial


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
