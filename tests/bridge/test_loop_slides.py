"""What slides is held to metres: a hundredth of a radian's bounds would let it jump."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from handrail_bridge.loop.clamp import Clamp
from handrail_bridge.loop.settings import LoopConfig, loop_configs
from handrail_bridge.loop.state import LoopState, Mode
from handrail_bridge.rail.measured import Measured
from handrail_drivers.errors import PermitRefused, Refused
from handrail_sim.cell_file import load_cell
from loop_rig import PlainBus, Rig, silent, sweep

STANDS = [0.02, 0.02, -0.002]  # m


@pytest.fixture(scope="module")
def config() -> LoopConfig:
    return loop_configs(load_cell("gantry"), {})[0]


@pytest.fixture
def bus(config: LoopConfig) -> PlainBus:
    found = PlainBus(config.joints)
    found.position = list(STANDS)
    return found


@pytest.fixture
def rig(config: LoopConfig, bus: PlainBus) -> Iterator[Rig]:
    rig = Rig(config, lambda: bus)
    bus.now = rig.clock.now_ns
    rig.lease()
    rig.run(1)
    yield rig
    rig.close()


def test_a_goal_far_off_is_not_kept_though_it_has_torque(rig: Rig, bus: PlainBus) -> None:
    bus.torque, bus.goal = [True] * 3, [0.05, 0.02, -0.002]
    rig.ask("arm", hold=STANDS)
    assert bus.writes[0] == tuple(STANDS), "30 mm, by no plan"


def test_a_hold_that_would_jump_is_refused(rig: Rig, bus: PlainBus) -> None:
    with pytest.raises(Refused, match="x would jump") as refused:
        rig.ask("arm", hold=[0.04, 0.02, -0.002])
    assert (refused.value.limit, refused.value.unit) == (pytest.approx(0.015), "m")
    assert bus.writes == []


def test_a_plan_that_begins_elsewhere_is_refused(rig: Rig, config: LoopConfig) -> None:
    rig.ask("arm", hold=STANDS)
    path = sweep([0.025, 0.02, -0.002], {0: 0.1}, 300, config.trajectory_rate, config.joints)
    with pytest.raises(PermitRefused, match=r"x would start 0\.005 m"):
        rig.load(path)


def test_a_setpoint_goes_no_farther_in_a_tick_than_speed_and_a_little(config: LoopConfig) -> None:
    told = Clamp(config).within([0.1, 0.02, -0.002], STANDS)
    assert told[0] - STANDS[0] == pytest.approx(2 * config.velocity[0] / config.rate + 0.001)


def test_one_that_was_not_heard_is_told_no_more_until_it_stands(
    rig: Rig, bus: PlainBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is held where it stands, if that is not where it was sent."""
    rig.ask("arm", hold=STANDS)
    path = sweep(STANDS, {0: 0.1}, 300, rig.config.trajectory_rate, rig.config.joints)
    rig.play(path)
    rig.run(20)
    read = bus.read
    monkeypatch.setattr(bus, "read", silent)
    rig.until(lambda state: state.mode == Mode.FAULT)
    rig.run(20)
    at, before = bus.position[0] - 0.005, len(bus.writes)
    bus.position[0], bus.torque = at, [False] * 3  # where it is does not hang on what is written
    monkeypatch.setattr(bus, "read", lambda: replace(read(), velocity=(0.04, 0.0, 0.0)))
    rig.run(5)
    assert len(bus.writes) == before, "it moves"
    monkeypatch.setattr(bus, "read", read)
    rig.run(5)
    assert bus.writes[-1][0] == pytest.approx(at)


@pytest.mark.parametrize(("speed", "still"), [(0.004, True), (0.02, False)])
def test_an_axis_that_moves_at_its_speed_is_not_still(speed: float, still: bool) -> None:
    measured = Measured(load_cell("gantry"))
    assert measured.still(LoopState(velocity=(0.0, speed, 0.0))) is still
