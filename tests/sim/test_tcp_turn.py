"""Turns of the TCP: what a step asks for, and what is proposed, are the same words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from handrail_sim.check import tcp_turn
from hypothesis import given
from hypothesis import strategies as st

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
