"""Turns of the TCP: what a step asks for, and what is proposed, are the same words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from desk_plans import at_home, plan, pose
from handrail_sim.cell import Cell
from handrail_sim.check import tcp_turn
from handrail_sim.check.checker import Checker
from handrail_sim.check.predicates import WorldView, evaluate
from handrail_sim.predicates import AtPose
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

ANGLE = st.floats(-math.pi, math.pi)
LEVEL = 0.01  # rad from level, where a yaw says nothing


@given(ANGLE, st.floats(*tcp_turn.TILTS).filter(lambda t: abs(t - math.pi / 2) > LEVEL), ANGLE)
def test_a_turn_comes_back_as_the_step_that_asks_for_it(
    azimuth: float, tilt: float, yaw: float
) -> None:
    axes = tcp_turn.axes(azimuth, tilt, tcp_turn.twist_for(yaw, azimuth, tilt))
    assert axes.T @ axes == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(axes) == pytest.approx(1)
    again, seen = tcp_turn.tilt_and_yaw(axes, azimuth)
    assert again == pytest.approx(tilt, abs=1e-9)
    assert math.remainder(seen - yaw, 2 * math.pi) == pytest.approx(0, abs=1e-6)


@given(ANGLE, ANGLE)
def test_pointing_down_a_yaw_is_where_the_jaw_opens_to(azimuth: float, yaw: float) -> None:
    axes = tcp_turn.axes(azimuth, 0.0, tcp_turn.twist_for(yaw, azimuth, 0.0))
    assert axes[:, 2] == pytest.approx((0, 0, -1), abs=1e-12)
    assert axes[:, 0] == pytest.approx((math.cos(yaw), math.sin(yaw), 0), abs=1e-9)


@pytest.mark.parametrize(
    ("turned", "wanted", "met"),
    [
        ((0.0, 0.3), {}, True),
        ((math.pi, 0.3), {}, True),  # upside down, and nobody asked
        ((0.0, 0.3), {"tilt": 0.0}, True),
        ((math.pi, 0.3), {"tilt": 0.0}, False),
        ((math.pi, 0.3), {"tilt": 1.8}, False),
        ((0.14, 0.3), {"tilt": 0.0}, True),
        ((0.16, 0.3), {"tilt": 0.0}, False),
        ((0.16, 0.3), {"tilt": 0.0, "turn_tolerance": 0.2}, True),
        ((0.5, 0.3), {"tilt": 0.5, "yaw": 0.3}, True),
        ((0.5, 0.3), {"tilt": 0.5, "yaw": 0.3 - 2 * math.pi}, True),
        ((0.5, 0.3), {"tilt": 0.5, "yaw": 0.6}, False),
        ((0.0, 0.3), {"tilt": 0.0, "yaw": 0.3 + math.pi}, False),
    ],
)
def test_a_gripper_is_at_a_pose_where_it_is_turned_as_told(
    cell: Cell, turned: tuple[float, float], wanted: dict[str, float], met: bool
) -> None:
    place, (tilt, yaw) = (0.2, 0.1, 0.1), turned
    azimuth = math.atan2(place[1] - cell.arm.axis[1], place[0] - cell.arm.axis[0])
    axes = tcp_turn.axes(azimuth, tilt, tcp_turn.twist_for(yaw, azimuth, tilt))
    view = WorldView(cell, {}, {}, place, axes, None, {})
    assert evaluate(AtPose(position=place, **wanted), view).met == met
    assert not evaluate(AtPose(position=(0.2, 0.2, 0.1), **wanted), view).met


def test_what_a_step_asks_for_is_where_it_leads(cell: Cell) -> None:
    checker = Checker(cell)
    place, turned = (0.2, 0.1, 0.12), {"tilt": 0.4, "yaw": 0.7}
    for asked, met in ((turned, True), ({**turned, "yaw": -0.7}, False), ({"tilt": 0.0}, False)):
        goal = {"predicate": "at_pose", "position": place, **asked}
        verdict = checker.check(plan(pose(place, **turned), goal=[goal]), at_home(cell, checker))
        assert verdict.passed == met, verdict.violations


def test_a_yaw_without_a_tilt_is_refused() -> None:
    with pytest.raises(ValidationError, match="needs a tilt"):
        AtPose(position=(0.2, 0.1, 0.1), yaw=0.3)
