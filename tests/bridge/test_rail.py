"""The road of a plan where something of ours breaks on the way."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from handrail_bridge.loop.state import LoopState, Mode
from handrail_bridge.rail import denials, watch
from handrail_bridge.rail.audit import read
from handrail_bridge.rail.leases import Wish
from handrail_bridge.rail.motion import EXPECTATION, Motion
from handrail_bridge.rail.notes import PENDING
from handrail_bridge.rail.receipts import Receipts
from handrail_bridge.rail.requests import parse_plan
from handrail_drivers.errors import PermitRefused, ProcessLost, Refused
from handrail_sim.cell_file import load_cell
from handrail_sim.verdict import ObjectBelief
from rail_rig import NUDGE, began
from waiting import until_async


async def test_a_plan_that_nobody_follows_any_more_is_stopped_and_written_down(
    road: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Motion, "follow", broken)
    with pytest.raises(ZeroDivisionError):
        await (await began(road))
    assert road.loop.aborted == [1]
    assert "ZeroDivisionError" in read(road.log, 1)[0].body["what"]
    assert road.rail.running is None


async def test_a_loop_that_fails_in_a_way_nobody_foresaw_may_not_go_on_unfollowed(
    road: SimpleNamespace,
) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    road.loop.meanwhile = broken
    with pytest.raises(ZeroDivisionError):
        await (await began(road))
    assert (road.loop.begun, road.loop.aborted) == ([], [1])
    refused = read(road.log, 1)[0]
    assert refused.event == "refused"
    assert "ZeroDivisionError" in refused.body["error"]["message"]


async def test_while_a_plan_runs_no_other_begins_whatever_its_lease_and_permit(
    road: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = asyncio.Event()

    async def followed(*_: object) -> None:
        await ends.wait()
        raise ZeroDivisionError  # its end is another test's subject

    monkeypatch.setattr(Motion, "follow", followed)
    running = await began(road)
    plan = parse_plan(NUDGE, road.cell)
    other = await road.rail.check(plan)
    lease = road.rail.situation.leases.current()[0]
    with pytest.raises(Refused, match="A plan is running"):
        road.rail.execute(plan, other.permit.id, lease.token)
    ends.set()
    with pytest.raises(ZeroDivisionError):
        await running
    assert road.loop.begun == [1]


async def test_what_becomes_known_while_it_is_loaded_keeps_a_plan_from_beginning(
    road: SimpleNamespace,
) -> None:
    def a_look_that_ends() -> None:
        belief = road.rail.situation.belief
        seen = ObjectBelief((0.2, 0.1, 0.0125), (1.0, 0.0, 0.0, 0.0), "seen", 1)
        belief.advance({"red_cube_a": seen}, belief.objects)

    road.loop.meanwhile = a_look_that_ends
    with pytest.raises(PermitRefused, match="known of red_cube_a has changed"):
        await (await began(road))
    assert (road.loop.begun, road.loop.aborted) == ([], [1])
    assert read(road.log, 1)[0].event == "refused"


async def noted(road: SimpleNamespace, *texts: str) -> None:
    """Wait until the log has notes that contain these."""
    async with asyncio.timeout(20):
        while True:
            said = [entry.body.get("what", "") for entry in read(road.log, 50)]
            if all(any(text in what for what in said) for text in texts):
                return
            await asyncio.sleep(0.01)


async def test_a_stop_is_written_down_with_its_reason(road: SimpleNamespace) -> None:
    assert await road.rail.stop("smoke") == Mode.STOPPED
    await noted(road, "stop asked for: smoke", "stopped: smoke")


async def test_a_refused_execution_is_written_down_and_a_flood_of_them_is_not(
    road: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denials, "AGAIN", 1e9)  # s: however slow this machine is
    plan = parse_plan(NUDGE, road.cell)
    lease = await road.rail.acts.take_over(Wish("eve", ("arm_bus",), 60.0))

    async def refused(permit: str, token: int) -> None:
        with pytest.raises(PermitRefused, match="not known"):
            await road.rail.execute(plan, permit, token)

    for number in range(100):
        await refused(f"forged {number}", lease.token)
    await refused("x" * 10_000, token=7)
    await noted(
        road,
        f'"eve" may not execute plan {plan.digest()[:12]} by permit "forged 0": permit_refused',
        f'one without a lease may not execute plan {plan.digest()[:12]} by permit "{40 * "x"}"',
        "(99 others before it are not here)",
    )


async def test_a_refusal_stays_one_where_the_log_cannot_be_written(
    road: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise Refused("The disk is full.")

    monkeypatch.setattr(Receipts, "note", full)
    with pytest.raises(PermitRefused, match="not known"):
        await road.rail.execute(parse_plan(NUDGE, road.cell), "forged", 0)
    await until_async(lambda: "The disk is full." in caplog.text)


async def test_every_stop_brings_to_rest_what_no_loop_moves(road: SimpleNamespace) -> None:
    """Also one while it is stopped already; what does not come to rest is in the log."""
    await road.rail.stop("first")
    before = len(road.rests)
    assert before >= 1
    road.says[0] = "belt has not got its safe values: speed."
    await road.rail.stop("second")
    assert len(road.rests) > before
    await noted(road, "stop asked for: second", "belt has not got its safe values")


async def test_a_fault_at_rest_is_written_down(road: SimpleNamespace) -> None:
    road.bus.complaints = {"elbow_flex": ("overload",)}
    road.loop.run(1)
    await noted(road, "fault: elbow_flex reports overload")


async def test_a_stop_does_not_wait_for_a_log_that_hangs(
    road: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = threading.Event()
    monkeypatch.setattr(Receipts, "note", lambda *_: hangs.wait(20))
    try:
        for number in range(2 * PENDING):
            assert await road.rail.stop(f"number {number}") == Mode.STOPPED
        assert not hangs.is_set()
    finally:
        hangs.set()


async def test_a_watch_that_fails_stops_what_moves(
    road: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(road.rail.situation.leases, "current", broken)
    async with asyncio.timeout(20):
        while road.loop.state().mode != Mode.STOPPED:
            await asyncio.sleep(0.01)
    assert "watch over its loops failed: ZeroDivisionError" in road.loop.state().reason
    assert "the watch over the loops failed" in caplog.text
    await noted(road, "stopped: The bridge's watch")


class Told:
    """A loop that says what a test has it say, a second apart. ``reads``: it hears its joints."""

    reads = True

    def __init__(self, states: Iterator[LoopState]) -> None:
        self._states, self.now, self.aborted = states, 0.0, False

    def state(self) -> LoopState:
        self.now += 1.0
        now = time.monotonic_ns()
        return next(self._states)._replace(time_ns=now if self.reads else 0, alive_ns=now)

    def fired(self, _: LoopState) -> tuple[str, ...]:
        return ()

    def abort(self, _: int) -> None:
        self.aborted = True


async def follow(states: Iterator[LoopState], monkeypatch: pytest.MonkeyPatch) -> tuple[bool, str]:
    """Follow a short plan's motion through these states; return how it ended."""
    told: Any = Told(states)
    grant: Any = SimpleNamespace(verdict=SimpleNamespace(trajectory=None, duration=0.1))
    plan = parse_plan(NUDGE, load_cell("desk"))
    motion = Motion(1, "id", plan, grant, *cast("Any", (None, {}, dict)))
    monkeypatch.setattr(motion, "_now", lambda: told.now)
    monkeypatch.setattr("handrail_bridge.rail.motion.LOOK", 0.0)
    outcome = await motion.follow(told)
    assert told.aborted is (outcome.fault_code == ProcessLost.code), "who is given up is aborted"
    return outcome.completed, outcome.reason


async def test_a_motion_that_missed_ticks_stretch_is_followed_to_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = (LoopState(motion_id=1, row=row, rows=100) for row in range(100))
    end = LoopState(ended_motion_id=1, ended_completed=True)
    assert await follow(chain(slow, [end]), monkeypatch) == (True, "")


async def test_a_loop_that_lives_says_itself_why_it_hears_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Told, "reads", False)
    deaf = (LoopState(motion_id=1, row=row, rows=100) for row in range(3))
    why = "the machine answers nothing until it is reset"
    end = LoopState(mode=Mode.FAULT, ended_motion_id=1, ended_reason=why)
    assert await follow(chain(deaf, [end]), monkeypatch) == (False, why)


async def test_a_motion_that_does_not_get_on_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = repeat(LoopState(motion_id=1, row=7, rows=100))
    assert await follow(stuck, monkeypatch) == (
        False,
        "The motion has stood still for 6 s, and nobody says why.",
    )


async def test_what_the_standing_arm_scatters_by_is_seen_and_refuses_a_plan(
    road: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = parse_plan(NUDGE, road.cell)
    assert (await road.rail.check(plan)).permit is not None
    monkeypatch.setattr(watch, "PERIOD", 0.0)
    road.loop.scatter = 0.02
    while (noise := road.rail.state().joints[0].noise) is None:
        await asyncio.sleep(0)
    assert noise == pytest.approx(0.02, rel=0.3)
    check = await road.rail.check(plan)
    assert check.permit is None
    assert "scatters" in check.verdict.violations[0].sentence


async def test_arming_carries_what_the_jaw_holds(
    road: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = ObjectBelief((0.2, 0.0, 0.2), (1.0, 0.0, 0.0, 0.0), "predicted", 0, (0.0,) * 6 + (1.0,))
    situation, felt = road.rail.situation, [True]
    monkeypatch.setattr(situation.measured, "holding", lambda _: felt[0])
    situation.belief.advance({"red_cube_a": held}, situation.belief.objects)
    await road.rail.acts.arm()
    loaded, felt[0] = np.array(road.loop.armed), False
    await road.rail.acts.arm()
    more = loaded - np.array(road.loop.armed)
    assert np.abs(more).max() > 0.001, "its weight"
    assert situation.belief.held is None, "it is felt no more"


async def test_what_the_last_step_did_not_bring_is_told_though_the_motion_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    missed = "Step 0 was expected to bring it, and did not."

    def misses(self: Motion, state: LoopState, _: float) -> bool:
        ended = state.ended_motion_id == 1
        if ended:
            monkeypatch.setattr(self, "_why", (missed, EXPECTATION))
        return ended

    monkeypatch.setattr(Motion, "_misses", misses)
    end = LoopState(ended_motion_id=1, ended_completed=True)
    told: Any = Told(iter([end]))
    plan = parse_plan(NUDGE, load_cell("desk"))
    grant: Any = SimpleNamespace(verdict=SimpleNamespace(trajectory=None, duration=0.1))
    motion = Motion(1, "id", plan, grant, *cast("Any", (None, {}, dict)))
    monkeypatch.setattr(motion, "_now", lambda: told.now)
    outcome = await motion.follow(told)
    assert (outcome.completed, outcome.reason) == (False, missed)
    assert outcome.fault_code == EXPECTATION
