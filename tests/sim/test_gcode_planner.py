"""The planner of a G-code machine: it keeps within its acceleration, and ends where it was sent."""

from __future__ import annotations

import math

from handrail_sim.twin.gcode_planner import Place, Planner
from hypothesis import given, settings
from hypothesis import strategies as st

RATES = (80.0, 80.0, 30.0)  # mm/s
ACCELERATION = 500.0  # mm/s2
STEP = 0.005  # s

places = st.tuples(*[st.floats(-50, 0)] * 3)


@settings(max_examples=30)
@given(st.lists(st.tuples(places, st.floats(10, 200)), min_size=1, max_size=6))
def test_it_goes_to_every_end_within_its_limits(ways: list[tuple[Place, float]]) -> None:
    planner = Planner((0.0, 0.0, 0.0), ACCELERATION, RATES)
    for end, speed in ways:
        planner.add(end, speed)
    speed, travelled = 0.0, 0.0
    while planner.moves:
        before = planner.position
        planner.advance(STEP)
        assert abs(planner.speed - speed) <= ACCELERATION * STEP + 1e-6 or not planner.moves
        for rate, new, old in zip(RATES, planner.position, before, strict=True):
            assert abs(new - old) <= rate * STEP + 1e-6
        speed = planner.speed
        travelled += STEP
        assert travelled < 600.0, "it never ends"
    assert math.dist(planner.position, ways[-1][0]) < 1e-6
    assert planner.speed == 0.0


@settings(max_examples=30)
@given(st.floats(1, 80), st.floats(0.1, 0.9))
def test_held_it_stands_after_its_way_to_a_stand_and_goes_on_no_more(
    speed: float, when: float
) -> None:
    planner = Planner((0.0, 0.0, 0.0), ACCELERATION, RATES)
    planner.add((-50.0, 0.0, 0.0), speed)
    planner.add((-50.0, -50.0, 0.0), speed)
    for _ in range(round(when * 50.0 / speed / STEP)):
        planner.advance(STEP)
    here, fast = planner.position, planner.speed
    planner.hold()
    while planner.moves:
        planner.advance(STEP)
    assert math.dist(planner.position, here) <= fast**2 / (2 * ACCELERATION) + fast * STEP
    stood = planner.position
    planner.advance(1.0)
    assert planner.position == stood


def test_a_corner_is_taken_slowly_and_a_straight_line_is_not() -> None:
    straight, corner = (_slowest(end) for end in ((-20.0, 0.0, 0.0), (-10.0, -10.0, 0.0)))
    assert straight > 49.0
    assert corner < 10.0


def _slowest(end: tuple[float, ...]) -> float:
    """The least speed [mm/s] near the middle of two blocks, at 50 mm/s."""
    planner = Planner((0.0, 0.0, 0.0), ACCELERATION, RATES)
    planner.add((-10.0, 0.0, 0.0), 50.0)
    planner.add(end, 50.0)
    speeds = []
    while planner.moves:
        planner.advance(STEP / 5)
        if math.dist(planner.position, (-10.0, 0.0, 0.0)) < 2.0:
            speeds.append(planner.speed)
    return min(speeds)
