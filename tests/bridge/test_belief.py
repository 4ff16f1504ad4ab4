"""What is believed of the objects: seen, predicted, felt, or honestly unknown."""

import math
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from handrail_bridge.rail.belief import Belief
from handrail_sim import cell as cells
from handrail_sim.verdict import ObjectBelief
from hypothesis import given
from hypothesis import strategies as st

DESK = cells.Cell.model_validate(
    tomllib.loads((Path(cells.__file__).parent / "cells" / "desk.toml").read_text())
)
CAMERA = DESK.cameras["overhead"]
TOLERANCE = 0.004
RED_A, RED_B, BLUE = (0.10, 0.10, 0.0125), (0.20, 0.15, 0.0125), (0.15, 0.25, 0.0125)
IN_BIN = (0.18026, -0.14142, 0.0155)


@dataclass(frozen=True)
class Seen:
    color: str
    position: tuple[float, float, float]
    yaw: float = 0.0
    covariance: tuple[float, float, float] = (0.0, 0.0, 0.0)
    turn_sigma: float = 0.0


@pytest.fixture
def belief() -> Belief:
    fresh = Belief(DESK.objects, TOLERANCE)
    fresh.look([Seen("red", RED_A), Seen("red", RED_B), Seen("blue", BLUE)], CAMERA, 1)
    return fresh


def red_names_at(belief: Belief) -> dict[tuple[float, ...], str]:
    return {thing.position: name for name, thing in belief.objects.items() if "red" in name}


def test_nothing_is_known_before_the_first_look() -> None:
    belief = Belief(DESK.objects, TOLERANCE)
    assert {thing.source for thing in belief.objects.values()} == {"unknown"}


def test_a_look_gives_every_object_its_colours_place(belief: Belief) -> None:
    assert belief.objects["blue_cube"].position == BLUE
    assert set(red_names_at(belief)) == {RED_A, RED_B}
    assert {thing.source for thing in belief.objects.values()} == {"seen"}


def test_objects_of_one_colour_keep_their_names_when_they_shift(belief: Belief) -> None:
    before = red_names_at(belief)
    shifted_a, shifted_b = (0.12, 0.11, 0.0125), (0.21, 0.17, 0.0125)
    belief.look([Seen("red", shifted_b), Seen("red", shifted_a), Seen("blue", BLUE)], CAMERA, 2)
    assert red_names_at(belief) == {shifted_a: before[RED_A], shifted_b: before[RED_B]}


def test_many_of_one_colour_are_told_apart() -> None:
    one = next(iter(DESK.objects.values()))
    things = {f"cube_{n}": one for n in range(40)}
    belief = Belief(things, TOLERANCE)
    spots = [(0.1 + 0.03 * (n % 8), -0.1 + 0.03 * (n // 8), 0.0125) for n in range(40)]
    belief.look([Seen(one.color, spot) for spot in spots], CAMERA, 1)
    before = {name: thing.position for name, thing in belief.objects.items()}
    belief.look([Seen(one.color, (x + 0.005, y, z)) for x, y, z in reversed(spots)], CAMERA, 2)
    for name, (x, y, z) in before.items():
        assert belief.objects[name].position == (x + 0.005, y, z)


def test_what_a_look_misses_is_unknown_and_what_lies_outside_stays(belief: Belief) -> None:
    red_a = red_names_at(belief)[RED_A]
    belief.advance(
        {red_a: replace(belief.objects[red_a], position=IN_BIN, source="predicted")}, belief.objects
    )
    belief.look([Seen("red", RED_B)], CAMERA, 3)
    assert belief.objects["blue_cube"].source == "unknown"
    assert belief.objects[red_a].position == IN_BIN
    assert red_names_at(belief)[RED_B] != red_a


def test_one_that_did_not_stay_in_the_bin_is_found_again(belief: Belief) -> None:
    red_a = red_names_at(belief)[RED_A]
    belief.advance(
        {red_a: replace(belief.objects[red_a], position=IN_BIN, source="predicted")}, belief.objects
    )
    belief.look([Seen("red", RED_B), Seen("red", RED_A), Seen("blue", BLUE)], CAMERA, 3)
    assert belief.objects[red_a].position == RED_A
    assert belief.objects[red_a].source == "seen"


def test_a_held_object_is_kept_by_feel_and_lost_without(belief: Belief) -> None:
    held = replace(belief.objects["blue_cube"], held_pose=(0, 0, 0.01, 1, 0, 0, 0))
    belief.advance({"blue_cube": held}, belief.objects)
    assert belief.held == "blue_cube"
    belief.look([Seen("red", RED_A), Seen("red", RED_B)], CAMERA, 3)
    belief.feel(holding=True)
    assert belief.held == "blue_cube"
    belief.feel(holding=False)
    assert belief.held is None
    assert belief.objects["blue_cube"].source == "unknown"


def test_a_plan_that_ended_early_leaves_doubt_about_what_it_would_have_moved(
    belief: Belief,
) -> None:
    red_a = red_names_at(belief)[RED_A]
    moved = replace(belief.objects[red_a], position=IN_BIN, source="predicted")
    belief.doubt({red_a: moved, "blue_cube": belief.objects["blue_cube"]})
    assert belief.objects[red_a].source == "unknown"
    assert belief.objects["blue_cube"].source == "seen"


@pytest.mark.parametrize("felt", [True, False])
def test_what_a_step_has_taken_is_held_though_its_plan_ended_early(
    belief: Belief, felt: bool
) -> None:
    red = red_names_at(belief)[RED_A]
    took = {**belief.objects, red: replace(belief.objects[red], held_pose=(0, 0, 0.01, 1, 0, 0, 0))}
    belief.doubt(took, [belief.objects, took])
    belief.feel(holding=felt)
    assert belief.held == (red if felt else None)
    assert belief.objects[red].source == ("seen" if felt else "unknown")


@pytest.mark.parametrize("let_go", [True, False])
def test_what_a_step_let_go_is_not_what_the_jaw_feels_now(belief: Belief, let_go: bool) -> None:
    red = red_names_at(belief)[RED_A]
    pose = (0, 0, 0.01, 1, 0, 0, 0)
    holds = {**belief.objects, red: replace(belief.objects[red], held_pose=pose)}
    lies = {**holds, red: replace(holds[red], held_pose=(), position=IN_BIN, source="predicted")}
    other = {**lies, "blue_cube": replace(lies["blue_cube"], held_pose=pose)}
    belief.advance(holds, belief.objects)
    belief.doubt(other, [holds, lies] if let_go else [holds])
    belief.feel(holding=True)
    assert belief.held == (None if let_go else red)
    belief.look([Seen("red", RED_A), Seen("red", RED_B)], CAMERA, 3)
    assert bool(belief.objects[red].held_pose) is not let_go


def test_it_is_another_world_when_an_object_is_elsewhere_and_only_then(belief: Belief) -> None:
    before = belief.now
    same = [Seen("red", RED_A), Seen("red", RED_B), Seen("blue", BLUE)]
    belief.look(same, CAMERA, 2)
    assert before.changed(belief.now) == []
    belief.look([*same[:2], Seen("blue", (0.155, 0.25, 0.0125))], CAMERA, 3)
    assert before.changed(belief.now) == ["blue_cube"]
    there = belief.now
    belief.look(same[:2], CAMERA, 4)
    assert there.changed(belief.now) == ["blue_cube"]


def test_what_was_turned_is_another_world_and_what_looks_the_same_is_not(belief: Belief) -> None:
    """A grasp along one side fits after a quarter turn, and not where the cube stands askew."""
    before = belief.now
    reds = [Seen("red", RED_A), Seen("red", RED_B)]
    belief.look([*reds, Seen("blue", BLUE, yaw=math.pi / 2 + 0.05)], CAMERA, 2)
    assert before.changed(belief.now) == []
    belief.look([*reds, Seen("blue", BLUE, yaw=math.radians(44))], CAMERA, 3)
    assert before.changed(belief.now) == ["blue_cube"]


def test_what_slipped_in_the_gripper_is_another_world(belief: Belief) -> None:
    held = replace(belief.objects["blue_cube"], held_pose=(0, 0, 0.01, 1, 0, 0, 0))
    belief.advance({"blue_cube": held}, belief.objects)
    before = belief.now
    lower = replace(held, held_pose=(0, 0, 0.016, 1, 0, 0, 0))
    belief.advance({"blue_cube": lower}, belief.objects)
    assert before.changed(belief.now) == ["blue_cube"]


@pytest.mark.parametrize("steps", [(0.003, 0.003, 0.003), (0.0039, -0.0039, -0.0039)])
def test_drift_counts_from_where_it_was_when_a_plan_was_checked(
    belief: Belief, steps: tuple[float, ...]
) -> None:
    """Each step is tolerable, and where it began is forgotten by nobody."""
    x, moments = BLUE[0], []
    for number, step in enumerate(steps):
        x += step
        blue = Seen("blue", (x, *BLUE[1:]))
        belief.look([Seen("red", RED_A), Seen("red", RED_B), blue], CAMERA, number)
        moments.append(belief.now)
    first, *_, last = moments
    assert first.changed(last) == ["blue_cube"]


places = st.tuples(st.floats(0, 0.36), st.floats(-0.02, 0.32), st.just(0.0125))


@given(st.lists(st.tuples(st.sampled_from(["red", "blue"]), places), max_size=5))
def test_no_two_objects_take_one_sighting_and_colours_never_mix(
    spots: list[tuple[str, tuple[float, float, float]]],
) -> None:
    belief = Belief(DESK.objects, TOLERANCE)
    belief.look([Seen(color, place) for color, place in spots], CAMERA, 1)
    for color, names in {"red": 2, "blue": 1}.items():
        seen = [
            thing.position
            for name, thing in belief.objects.items()
            if color in name and thing.source == "seen"
        ]
        given_ = [place for own, place in spots if own == color]
        assert len(seen) == min(names, len(given_))
        assert all(place in given_ for place in seen)


def test_yaw_becomes_a_turn_about_the_vertical() -> None:
    belief = Belief(DESK.objects, TOLERANCE)
    belief.look([Seen("blue", BLUE, yaw=0.6)], CAMERA, 1)
    thing: ObjectBelief = belief.objects["blue_cube"]
    assert thing.quaternion == pytest.approx((math.cos(0.3), 0, 0, math.sin(0.3)))


# --- while a plan runs ------------------------------------------------------------------------


def test_what_is_where_the_plan_has_it_has_not_strayed(belief: Belief) -> None:
    seen = [Seen("red", RED_B), Seen("red", RED_A), Seen("blue", BLUE)]
    assert belief.strayed(seen, belief.objects) == ""


def test_what_the_arm_hides_has_not_strayed(belief: Belief) -> None:
    half_hidden = Seen("blue", (BLUE[0] + 0.02, BLUE[1], BLUE[2]))
    assert belief.strayed([half_hidden], belief.objects) == ""
    assert belief.strayed([], belief.objects) == ""


def test_what_is_elsewhere_is_named_with_how_far(belief: Belief) -> None:
    gone = Seen("blue", (BLUE[0] + 0.06, BLUE[1], BLUE[2]))
    assert belief.strayed([gone], belief.objects) == (
        "blue_cube was seen 60 mm from where the plan has it."
    )
    assert belief.objects["blue_cube"].source == "unknown", "only a look at rest is believed"


def test_only_what_is_expected_is_compared(belief: Belief) -> None:
    gone = Seen("blue", (BLUE[0] + 0.06, BLUE[1], BLUE[2]))
    resting = {name: thing for name, thing in belief.objects.items() if name != "blue_cube"}
    assert belief.strayed([gone], resting) == ""


def test_what_has_strayed_is_unknown_and_ends_what_was_checked(belief: Belief) -> None:
    before, began = belief.now, belief.objects
    elsewhere = Seen("blue", (0.05, 0.05, BLUE[2]))
    assert belief.strayed([elsewhere], began).startswith("blue_cube was seen ")
    assert belief.objects["blue_cube"].source == "unknown"
    assert before.changed(belief.now), "permits from before would still be good"


def test_a_plan_that_ends_well_does_not_overrule_what_was_seen_meanwhile(belief: Belief) -> None:
    began = belief.objects
    belief.strayed([Seen("blue", (0.05, 0.05, BLUE[2]))], began)
    belief.advance(began, began)
    assert belief.objects["blue_cube"].source == "unknown"
