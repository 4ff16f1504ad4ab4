"""What perception is unsure of is so in the check: from a sighting to a verdict."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from desk_plans import AXIS_X, Step, after, carry, grip, pick, plan, point, pose
from handrail_bridge.agents.reports import told_check
from handrail_bridge.perception.recognise import recognised
from handrail_bridge.perception.result import Row, Seen, Sighting
from handrail_bridge.rail.belief import Belief
from handrail_bridge.reports import Check
from handrail_bridge.rpc import plan_messages
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.verdict import Verdict, ViolationKind

WEST = math.radians(40)
CUBE = "red_cube_a"
HANGS = (0.0, 0.0, 0.006, 0.0, 1.0, 0.0, 0.0)  # upright in the gripper that points down
Covariance = tuple[Row, Row, Row]


@pytest.fixture(scope="module")
def cell() -> Cell:
    desk = load_cell("desk")
    return desk.model_copy(update={"objects": {CUBE: desk.objects[CUBE]}})


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(load_cell("desk"))


def seen(sigma: float, across: float | None = None, turn_sigma: float | None = None) -> Seen:
    """A cube at 0.2 m; so sure [m] of it along its azimuth, and across, and [rad] of its turn."""
    x, y = AXIS_X + 0.2 * math.cos(WEST), 0.2 * math.sin(WEST)
    along, sideways = sigma**2, (sigma if across is None else across) ** 2
    c, s = math.cos(WEST), math.sin(WEST)
    xy = c * s * (along - sideways)
    unsure: Covariance = (
        (c * c * along + s * s * sideways, xy, 0.0),
        (xy, s * s * along + c * c * sideways, 0.0),
        (0.0, 0.0, 1e-8),
    )
    one = Sighting(
        label="red", score=1.0, track=1, box=(0, 0, 9, 9), position=(x, y, 0.0125), yaw=WEST
    ).model_copy(update={"covariance": unsure, "turn_sigma": turn_sigma})
    return Seen(pipeline="eyes", sequence=1, time_ns=1, done_ns=2, sightings=(one,))


def believed(cell: Cell, *looks: Seen) -> Belief:
    belief = Belief(cell.objects, cell.check.clearance, cell.check.spread.place)
    for look in looks:
        camera = cell.cameras["overhead"]
        belief.look(recognised(look, {"red": "red"}, camera.search), camera, look.time_ns)
    return belief


def passing(cell: Cell, checker: Checker, look: Seen) -> Verdict:
    """Reach beside the cube, 12 mm from it."""
    azimuth = WEST + 0.2
    beside = (AXIS_X + 0.2 * math.cos(azimuth), 0.2 * math.sin(azimuth), 0.03)
    home = checker.at_home()
    start = replace(home, objects=believed(cell, look).objects)
    return checker.check(plan(carry(azimuth), grip(0.0), pose(beside, tilt=0.1)), start)


def grasping(cell: Cell, checker: Checker, look: Seen) -> Verdict:
    (one,) = look.sightings
    assert one.position is not None
    start = replace(checker.at_home(), objects=believed(cell, look).objects)
    held = [{"predicate": "holding", "object": CUBE}]
    return checker.check(plan(*pick(*one.position[:2], WEST), goal=held), start)


def test_a_close_pass_is_good_for_what_is_surely_where_it_was_seen(
    cell: Cell, checker: Checker
) -> None:
    assert passing(cell, checker, seen(0.0005)).violations == ()


def test_the_same_pass_fails_where_the_thing_may_lie_in_its_way(
    cell: Cell, checker: Checker
) -> None:
    verdict = passing(cell, checker, seen(0.009))
    assert [violation.kind for violation in verdict.violations] == [ViolationKind.ROBUSTNESS]
    assert "perception is unsure of it by 9.0 mm" in verdict.violations[0].detail["world"]


def test_it_is_the_direction_that_counts(cell: Cell, checker: Checker) -> None:
    """Unsure along the arm's way it stands in nobody's; across it does."""
    along = passing(cell, checker, seen(0.009, across=0.0005)).robustness
    across = passing(cell, checker, seen(0.0005, across=0.009)).robustness
    assert along is not None
    assert across is not None
    assert across.passed < along.passed


def test_the_cells_own_allowance_is_the_least(cell: Cell, checker: Checker) -> None:
    place = cell.check.spread.place
    for sigma in (0.0, 0.0001, 0.004):
        start = replace(checker.at_home(), objects=believed(cell, seen(sigma)).objects)
        there = start.objects[CUBE].position
        for world in checker._worlds.variations:
            aside = math.dist(world.start(start).objects[CUBE].position, there)
            assert aside == pytest.approx(max(place, 3 * sigma))


def test_a_grasp_fails_where_the_thing_may_lie_across_the_fingers(
    cell: Cell, checker: Checker
) -> None:
    """As sure as the desk's own model is of a cube's turn, it does not."""
    assert grasping(cell, checker, seen(0.0005, turn_sigma=0.026)).violations == ()
    verdict = grasping(cell, checker, seen(0.0005, turn_sigma=0.2))
    assert [violation.kind for violation in verdict.violations] == [ViolationKind.ROBUSTNESS]
    assert "perception is unsure of its turn by 0.200 rad" in verdict.violations[0].detail["world"]


@pytest.mark.parametrize(
    ("sigma", "turn"), [(None, 0.05), (0.01, 0.05), (0.1, 0.3), (2.0, math.pi / 4)]
)
def test_a_thing_is_turned_as_perception_is_unsure_of_it(
    cell: Cell, checker: Checker, sigma: float | None, turn: float
) -> None:
    """By the cell's own allowance at least; by an eighth of a turn at most: it is square."""
    start = replace(checker.at_home(), objects=believed(cell, seen(0.0, turn_sigma=sigma)).objects)
    turns = []
    for world in checker._worlds.variations:
        w, *_, z = world.start(start).objects[CUBE].quaternion
        turns.append(2 * math.atan2(z, w) - WEST)
    assert sorted(turns) == pytest.approx([-turn] * 4 + [turn] * 4)


def test_a_look_that_is_less_sure_of_a_turn_ends_what_was_permitted(cell: Cell) -> None:
    sure, unsure = seen(0.001, turn_sigma=0.01), seen(0.001, turn_sigma=0.2)
    first, then = believed(cell, sure).now, believed(cell, unsure).now
    assert first.changed(then) == [CUBE]
    assert then.changed(first) == []
    assert believed(cell, unsure).objects[CUBE].turn_sigma == 0.2


def test_a_look_that_is_less_sure_ends_what_was_permitted(cell: Cell) -> None:
    sure, less, unsure = (believed(cell, seen(sigma)).now for sigma in (0.001, 0.0015, 0.009))
    assert sure.changed(less) == unsure.changed(sure) == []
    assert sure.changed(unsure) == [CUBE]
    assert unsure.objects[CUBE].sigma == pytest.approx(0.009)


SLOT = math.radians(60)  # azimuth at which a cube is put down
IN_SLOT = [{"predicate": "object_in_region", "object": CUBE, "region": "slot"}]


@pytest.fixture(scope="module")
def exact() -> Checker:
    """Of a cell with a place in which a cube may lie 3 mm aside, along the fingers."""
    desk = load_cell("desk")
    slot = desk.regions["pick_area"].model_copy(
        update={"center": point(0.2, SLOT, 0.0125), "size": (0.04, 0.006, 0.04), "yaw": SLOT}
    )
    return Checker(desk.model_copy(update={"regions": {**desk.regions, "slot": slot}}))


def put_down() -> list[Step]:
    """Carry what is held to the slot, and let it go there."""
    _, opened, above, low, *_ = pick(*point(0.2, SLOT, 0.0)[:2], SLOT)
    down = {**low, "position": (*low["position"][:2], 0.021)}
    return [carry(SLOT), above, down, opened, above, carry(SLOT)]


def test_what_is_held_when_a_plan_begins_hangs_as_far_aside_as_it_lay(
    cell: Cell, exact: Checker
) -> None:
    """A plan that is cut in two after the grasp is judged as the whole is."""
    start = replace(exact.at_home(), objects=believed(cell, seen(0.0)).objects)
    take = pick(AXIS_X + 0.2 * math.cos(WEST), 0.2 * math.sin(WEST), WEST)
    taken = exact.check(plan(*take), start)
    assert taken.violations == ()
    whole = exact.check(plan(*take, *put_down(), goal=IN_SLOT), start)
    cut = exact.check(plan(*put_down(), goal=IN_SLOT), after(taken))
    for verdict in (whole, cut):
        assert [one.kind for one in verdict.violations] == [ViolationKind.ROBUSTNESS]
        assert verdict.violations[0].detail["kind"] == ViolationKind.GOAL


def test_what_is_held_is_told_of_as_it_hangs(cell: Cell, checker: Checker) -> None:
    """Upright between the fingers, by what perception was unsure of it, and never askew."""
    thing = believed(cell, seen(0.004)).objects[CUBE]
    start = replace(checker.at_home(), objects={CUBE: replace(thing, held_pose=HANGS)})
    asides = []
    for world in checker._worlds.variations:
        hung = world.start(start).objects[CUBE].held_pose
        assert hung is not None
        assert (hung[0], *hung[2:]) == pytest.approx((HANGS[0], *HANGS[2:]))
        asides.append(hung[1])
        assert f"{CUBE} hangs " in world.told(CUBE, start)
        assert "perception is unsure of it by 4.0 mm" in world.told(CUBE, start)
    assert (min(asides), max(asides)) == pytest.approx((-0.012, 0.012))


def test_what_nobody_has_seen_is_named(cell: Cell, checker: Checker) -> None:
    """A plan passes without it, and who reads the verdict knows."""
    start = replace(checker.at_home(), objects=believed(cell, seen(0.001)).objects)
    verdict = checker.check(plan(carry(0.5)), start)
    assert (verdict.passed, verdict.unseen) == (True, ("red_cube_b", "blue_cube"))
    sent = plan_messages.write_check(Check(verdict, None))
    assert plan_messages.read_check(sent).verdict.unseen == verdict.unseen
    assert told_check(verdict).unseen == list(verdict.unseen)
    assert checker.check(plan(carry(0.5)), checker.at_home()).unseen == ()
