"""Several buses in one cell: own rates, one stop flag, and a motion that ends for all or none."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
from handrail_bridge.loop.control import ABORT, BEGIN, Control
from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.settings import loop_configs
from handrail_bridge.loop.state import Mode
from handrail_drivers.api import JointState
from handrail_drivers.errors import BusLost
from handrail_sim.verdict import Trajectory
from loop_rig import PlainBus, Rig, silent, sweep
from two_buses import configs, two_buses

MS = 1_000_000  # ns
JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")


class Both:
    """Two loops in one virtual time, and their control page."""

    def __init__(self, jaw_rate: int) -> None:
        self.control = Control.create()
        self.buses = []
        self.rigs = []
        for config in configs(jaw_rate, late_reads=3, silence=0.015):
            bus = PlainBus(config.joints)
            rig = Rig(config, lambda bus=bus: bus, control=self.control)
            bus.now = rig.clock.now_ns
            rig.lease()
            rig.ask("arm", hold=bus.position)
            self.buses.append(bus)
            self.rigs.append(rig)

    def run(self, seconds: float) -> None:
        """Tick each at its own rate until so much time has passed."""
        end = max(rig.clock.now_ns() for rig in self.rigs) + int(seconds * 1e9)
        while True:
            rig = min(self.rigs, key=lambda rig: rig.clock.now_ns() + rig.config.period_ns)
            if rig.clock.now_ns() + rig.config.period_ns > end:
                return
            rig.run(1)

    def play(self, seconds: float = 1.0) -> Trajectory:
        """Play one motion of all joints on both, from the same moment on."""
        start = [*self.buses[0].position, *self.buses[1].position]
        whole = sweep(start, {0: 0.5, 5: 0.5}, int(seconds * 250), 250, JOINTS)
        begin_ns = max(rig.clock.now_ns() for rig in self.rigs) + 30 * MS
        for rig, part in zip(self.rigs, (slice(0, 5), slice(5, 6)), strict=True):
            rig.load(whole.part(part))
        self.control.begin(begin_ns)
        return whole


@pytest.fixture(params=[100, 250, 1000])
def both(request: pytest.FixtureRequest) -> Iterator[Both]:
    both = Both(request.param)
    yield both
    for rig in both.rigs:
        rig.close()


def test_each_plays_its_part_at_its_own_rate_in_the_same_time(both: Both) -> None:
    path = both.play()
    both.run(0.5)
    arm, jaw = (bus.position for bus in both.buses)
    assert jaw[0] - path.hold[0, 5] == pytest.approx(arm[0] - path.hold[0, 0], abs=0.02)
    both.run(1.0)
    for rig, bus, part in zip(both.rigs, both.buses, (slice(0, 5), slice(5, 6)), strict=True):
        assert rig.state.ended_completed
        assert bus.position == pytest.approx(path.hold[-1, part].tolist())


def test_what_ends_a_motion_on_one_bus_ends_it_on_the_other(both: Both) -> None:
    both.play()
    both.run(0.4)
    both.buses[1].complaints = {"gripper": ("overload",)}
    both.run(0.3)
    arm, jaw = (rig.state for rig in both.rigs)
    assert (jaw.mode, arm.mode) == (Mode.FAULT, Mode.STOPPED)
    assert not arm.ended_completed
    assert "another bus" in arm.ended_reason
    stood = list(both.buses[0].position)
    both.run(0.5)
    assert both.buses[0].position == stood


def test_a_bus_that_is_lost_stops_the_other_on_its_path(both: Both) -> None:
    path = both.play()
    both.run(0.4)

    def gone() -> None:
        raise BusLost("the port is gone")

    both.buses[0].on_read = gone
    both.run(0.3)
    arm, jaw = (rig.state for rig in both.rigs)
    assert (arm.mode, jaw.mode) == (Mode.FAULT, Mode.STOPPED)
    assert path.hold[0, 5] < both.buses[1].position[0] < path.hold[-1, 5]


def test_one_flag_stops_all(both: Both) -> None:
    both.play()
    both.run(0.4)
    both.control.raise_stop("a test")
    both.run(0.3)
    assert {rig.state.mode for rig in both.rigs} == {Mode.STOPPED}
    assert {rig.state.reason for rig in both.rigs} == {"a test"}


def test_a_lease_ends_what_its_holder_moves_and_leaves_the_other_bus_alone(both: Both) -> None:
    start = both.buses[0].position
    path = sweep([*start, both.buses[1].position[0]], {0: 0.5}, 250, 250, JOINTS)
    both.rigs[0].play(path.part(slice(0, 5)))
    both.run(0.3)
    both.rigs[1].lease(8)  # the jaw's changes hands
    both.run(0.2)
    assert both.rigs[0].state.mode == Mode.MOVING
    both.rigs[0].lease(9)
    both.run(0.3)
    assert both.rigs[0].state.mode == Mode.ARMED
    assert "lease" in both.rigs[0].state.ended_reason


def test_a_part_is_the_columns_of_its_joints() -> None:
    whole = sweep([0.1] * 6, {0: 0.5, 5: 0.2}, 50, 250, JOINTS)
    jaw = whole.part(slice(5, 6))
    assert jaw.joints == ("gripper",)
    assert np.array_equal(jaw.hold[:, 0], whole.hold[:, 5])
    assert jaw.digest() != whole.digest()


def test_a_reflex_of_one_bus_slows_the_other(both: Both) -> None:
    whole = both.play()
    both.run(0.2)
    both.rigs[1].tick.motion.slow(0.25)
    both.run(0.5)
    arm, jaw = (bus.position for bus in both.buses)
    assert [rig.tick.motion.scale for rig in both.rigs] == [0.25, 0.25]
    assert jaw[0] - whole.hold[0, 5] == pytest.approx(arm[0] - whole.hold[0, 0], abs=0.03)
    both.run(6.0)
    assert all(rig.state.ended_completed for rig in both.rigs)
    both.rigs[1].ask("reset")
    both.run(0.1)
    assert [rig.tick.motion.scale for rig in both.rigs] == [1.0, 1.0]


def test_what_stops_one_bus_stops_what_another_moves_by_itself(both: Both) -> None:
    start = both.buses[0].position
    path = sweep([*start, both.buses[1].position[0]], {0: 0.5}, 500, 250, JOINTS)
    both.rigs[0].play(path.part(slice(0, 5)))
    both.run(0.3)
    both.rigs[1].tick.flags.stop_wanted = True  # SIGUSR1 to the jaw's loop alone
    both.run(0.4)
    arm, jaw = (rig.state for rig in both.rigs)
    assert (arm.mode, jaw.mode) == (Mode.STOPPED, Mode.STOPPED)
    assert "another bus" in arm.ended_reason
    assert "signal" in jaw.reason
    for rig in both.rigs:
        rig.ask("reset")
    both.run(0.1)
    assert {rig.state.mode for rig in both.rigs} == {Mode.DISARMED}, "neither stops the other again"


def test_an_abort_of_one_bus_latches_nothing_elsewhere(both: Both) -> None:
    both.play()
    both.run(0.4)
    both.rigs[1].abort(1)
    both.run(0.4)
    assert {rig.state.mode for rig in both.rigs} == {Mode.ARMED}


def done(both: Both, path: Trajectory) -> list[float]:
    """Return how far each bus is on the way of the joint that it moves."""
    arm, jaw = both.buses[0].position[0], both.buses[1].position[0]
    at = (arm - path.hold[0, 0]), (jaw - path.hold[0, 5])
    return [way / 0.5 for way in at]


@pytest.mark.parametrize("behind", [0, 1])
def test_a_bus_waits_for_one_that_is_late_again_and_again(
    both: Both, behind: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = both.play()
    bus, reads = both.buses[behind], count(1)
    read = bus.read

    def late() -> JointState:
        return silent() if next(reads) % 2 else read()

    monkeypatch.setattr(bus, "read", late)
    farthest = 0.0
    for _ in range(80):
        both.run(0.01)
        farthest = max(farthest, abs(np.subtract(*done(both, path))))
    assert farthest < 0.1, "a bus goes on alone: nobody has checked that"
    monkeypatch.setattr(bus, "read", read)
    both.run(2.5)
    assert [rig.state.ended_completed for rig in both.rigs] == [True, True]


def test_a_bus_whose_neighbour_stands_still_gives_the_motion_up(both: Both) -> None:
    path = both.play()
    both.run(0.4)
    arm = both.rigs[0]
    was = done(both, path)[0]
    arm.run(int(2 * arm.config.heartbeat * arm.config.rate))
    assert "fell behind" in arm.state.ended_reason
    assert done(both, path)[0] - was < 0.15, "no more than waiting, and slowing down"


def test_what_was_taken_begins_when_the_word_comes_and_not_before(both: Both) -> None:
    rig, bus = both.rigs[0], both.buses[0]
    path = sweep([*bus.position, 0.0], {0: 0.5}, 250, 250, JOINTS).part(slice(0, 5))
    rig.load(path)
    before = len(bus.writes)
    rig.run(100)
    assert set(bus.writes[before:]) == {tuple(path.hold[0])}
    rig.control.begin(rig.clock.now_ns() - 500 * MS)  # a loop that saw it late begins at once
    rig.run(1)
    assert rig.tick.motion.player is not None
    assert rig.tick.motion.player.begun
    rig.run(250)
    assert rig.state.ended_completed


def test_a_bus_may_have_a_core_and_a_patience_of_its_own() -> None:
    cell = two_buses()
    own = {"cpu": 0, "late_reads": 7, "silence": 0.4}
    jaw = cell.devices["jaw_bus"].model_copy(update=own)
    loop = cell.loop.model_copy(update={"cpu": 1})
    devices = {**cell.devices, "jaw_bus": jaw}
    arm, gripper = loop_configs(cell.model_copy(update={"devices": devices, "loop": loop}), {})
    assert (gripper.cpu, gripper.late_reads, gripper.silence) == (0, 7, 0.4)
    assert (arm.cpu, arm.late_reads, arm.silence) == (1, loop.late_reads, loop.silence)


class Taker:
    """The link of a loop that takes whatever is played, or fails as it is told to."""

    def __init__(self, fails: Exception | None = None) -> None:
        self._fails = fails

    async def load(self, *_: object) -> None:
        if self._fails is not None:
            raise self._fails

    async def close(self) -> None:
        """End."""


@pytest.mark.parametrize("stage", ["the second bus", "the last look"])
async def test_what_one_bus_has_taken_is_given_up_where_anything_fails(stage: str) -> None:
    a_bug, control = ZeroDivisionError(), Control.create()
    second: Any = Taker(a_bug if stage == "the second bus" else None)
    first: Any = Taker()
    loops = Loops(configs(), control, [first, second])

    def last_look() -> None:
        raise a_bug

    path = sweep([0.1] * 6, {0: 0.5, 5: 0.2}, 50, 250, JOINTS)
    with pytest.raises(ZeroDivisionError):
        await loops.play(path, 3, 7, last_look)
    assert (control.word(ABORT), control.word(BEGIN)) == (3, 0)
    await loops.close()
