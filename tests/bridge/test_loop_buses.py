"""Several buses in one cell: own rates, one stop flag, and a motion that ends for all or none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from handrail_bridge.loop.control import TOKEN, Control
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import BusLost, Refused
from handrail_sim.verdict import Trajectory
from loop_rig import PlainBus, Rig, sweep
from two_buses import configs

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
            rig.control.set_word(TOKEN + config.number, 7)
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
            rig.play(whole.part(part), begin_ns=begin_ns)
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
    assert (jaw.mode, arm.mode) == (Mode.FAULT, Mode.ARMED)
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
    assert (arm.mode, jaw.mode) == (Mode.FAULT, Mode.ARMED)
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
    both.control.set_word(TOKEN + 1, 8)  # the jaw's changes hands
    both.run(0.2)
    assert both.rigs[0].state.mode == Mode.MOVING
    both.control.set_word(TOKEN, 9)
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


def test_a_beginning_that_has_passed_is_refused(both: Both) -> None:
    rig, bus = both.rigs[0], both.buses[0]
    path = sweep([*bus.position, 0.0], {0: 0.5}, 250, 250, JOINTS).part(slice(0, 5))
    with pytest.raises(Refused, match="passed already"):
        rig.play(path, begin_ns=rig.clock.now_ns())
    assert rig.state.mode == Mode.ARMED
