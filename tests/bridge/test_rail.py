"""The road of a plan where something of ours breaks on the way."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from handrail_bridge.audit import NAME, read
from handrail_bridge.leases import Wish
from handrail_bridge.loop.settings import loop_configs
from handrail_bridge.loop.state import LoopState
from handrail_bridge.motion import Motion
from handrail_bridge.rail import Rail
from handrail_bridge.receipts import Receipts
from handrail_bridge.requests import parse_plan
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.plan import Plan
from handrail_sim.verdict import StartState, Verdict
from loop_rig import PlainBus, Rig

NUDGE = '{"steps": [{"tool": "arm_move_joints", "positions": {"shoulder_pan": 0.1}}]}'


class Loop:
    """A loop that stands, and takes whatever is played."""

    devices = ("arm_bus",)

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.aborted: list[int] = []

    def state(self) -> LoopState:
        return self._rig.state._replace(time_ns=time.monotonic_ns())

    def fired(self, _: LoopState) -> tuple[str, ...]:
        return ()

    def moved_by(self, _: object) -> tuple[str, ...]:
        return ("arm_bus",)

    async def play(self, *_: object) -> None:
        """Accept it."""

    def abort(self, number: int) -> None:
        self.aborted.append(number)

    def set_token(self, token: int, devices: tuple[str, ...]) -> None:
        """Whoever holds the lease may move it."""

    def pulse(self) -> None:
        """The bridge lives."""

    async def close(self) -> None:
        """End."""


class Desk:
    """The checker of the desk, in this process."""

    def __init__(self) -> None:
        self._checker = Checker(load_cell("desk"))

    async def check(self, plan: Plan, start: StartState) -> Verdict:
        return self._checker.check(plan, start)

    async def hold_command(self, position: Any) -> tuple[float, ...]:
        return self._checker.hold_command(position)

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture
async def road(tmp_path: Path) -> AsyncIterator[SimpleNamespace]:
    cell = load_cell("desk")
    config = loop_configs(cell, {})[0].model_copy(update={"rules": {}})
    bus = PlainBus(config.joints)
    bus.position[:] = [cell.arm.home[name] for name in config.joints]
    rig = Rig(config, lambda: bus)
    desk: Any = Desk()
    rig.ask("arm", hold=await desk.hold_command(bus.position))
    loop: Any = Loop(rig)
    rail = Rail(cell, "digest", loop, desk, Receipts(tmp_path, "digest"), lambda: None)
    yield SimpleNamespace(rail=rail, loop=loop, cell=cell, log=tmp_path / NAME)
    await rail.close()
    rig.close()


async def test_a_plan_that_nobody_follows_any_more_is_stopped_and_written_down(
    road: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Motion, "follow", broken)
    plan = parse_plan(NUDGE, road.cell)
    lease = await road.rail.take_over(Wish("me", ("arm_bus",), 60.0))
    check = await road.rail.check(plan)
    with pytest.raises(ZeroDivisionError):
        await road.rail.execute(plan, check.permit.id, lease.token)
    assert road.loop.aborted == [1]
    assert "ZeroDivisionError" in read(road.log, 1)[0].body["what"]
    assert road.rail.running is None
