"""What begins too near may go apart, and no row of plans wears a clearance away."""

from __future__ import annotations

import numpy as np
import pytest
from handrail_sim.check.collisions import Rule, _below
from hypothesis import given
from hypothesis import strategies as st

LIMIT = 0.004  # m
POST = Rule(LIMIT)
HELD = Rule(LIMIT, np.ones(3, dtype=bool))


def passes(rule: Rule, *distance: float) -> bool:
    return _below(np.arange(len(distance)), np.array(distance), rule) is None


@given(st.lists(st.floats(0, LIMIT), min_size=40, max_size=40), st.floats(0, 0.00019))
def test_plan_by_plan_nothing_comes_nearer_than_half_the_limit(
    wished: list[float], short: float
) -> None:
    """Each plan ends where the one before did or nearer, and the arm a little nearer still."""
    at = LIMIT
    for end in wished:
        if passes(POST, at, end):
            at = end - short
    assert at >= LIMIT / 2 - 0.0002


@pytest.mark.parametrize(
    ("rule", "way", "well"),
    [
        (POST, (0.0039, 0.0038, 0.0038), True),  # it sags a little
        (POST, (0.0039, 0.0030, 0.0050), False),
        (POST, (0.0021, 0.0019, 0.0021), False),
        (POST, (0.0010, 0.0010, 0.0010), False),  # too near to stay
        (POST, (0.0010, 0.0010, 0.0013), True),
        (POST, (0.0010, 0.0009, 0.0050), True),
        (POST, (-0.0003, -0.0003, 0.0001), True),
        (HELD, (0.0010, 0.0010, 0.0010), True),  # to be let go there
    ],
)
def test_what_begins_too_near(rule: Rule, way: tuple[float, ...], well: bool) -> None:
    assert passes(rule, *way) == well
