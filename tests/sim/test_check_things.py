"""Things that lie close together: no false alarm, and the right one."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import mujoco
import numpy as np
import pytest
from desk_plans import Step, at_home, carry, grip, lying, pick, plan, point, pose, sort
from handrail_sim.cell import Cell
from handrail_sim.check.checker import Checker
from handrail_sim.check.grips import Grip
from handrail_sim.check.things import Things
from handrail_sim.check.timeline import Timeline
from handrail_sim.regions import inside
from handrail_sim.verdict import Verdict, Violation
from handrail_sim.world import NOWHERE, Scene, load_model

WEST = math.radians(40)
CUBE = point(0.2, WEST, 0.0)[:2]
Place = tuple[float, float, float]


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


def beside(distance: float, azimuth: float) -> tuple[float, float]:
    return CUBE[0] + distance * math.cos(azimuth), CUBE[1] + distance * math.sin(azimuth)


def taken_beside(cell: Cell, checker: Checker, distance: float, azimuth: float) -> Verdict:
    """Take one of two cubes: the jaw opens along ``WEST``."""
    other = lying(*beside(distance, azimuth), WEST)
    start = at_home(cell, checker, red_cube_a=lying(*CUBE, WEST), blue_cube=other)
    return checker.check(plan(*pick(*CUBE, WEST)), start)


@pytest.mark.parametrize(
    "distance", [0.030, *(pytest.param(d, marks=pytest.mark.long) for d in (0.045, 0.060))]
)
def test_a_neighbour_beside_the_fingers_is_left_alone(
    cell: Cell, checker: Checker, distance: float
) -> None:
    verdict = taken_beside(cell, checker, distance, WEST + math.pi / 2)
    assert verdict.violations == ()
    assert verdict.end_objects["blue_cube"].source == "seen"


@pytest.mark.parametrize("distance", [0.038, 0.044])
def test_a_neighbour_under_a_finger_is_named(cell: Cell, checker: Checker, distance: float) -> None:
    violation, *_ = taken_beside(cell, checker, distance, WEST).violations
    assert (violation.kind, violation.step) == ("force", 3)
    assert "blue_cube" in violation.subject


def test_who_lags_because_of_what_is_under_a_finger_is_told(cell: Cell, checker: Checker) -> None:
    steps = [*pick(*CUBE, WEST)[:5]]
    steps[1] = grip(0.05)  # and nearer: the finger comes down on the other's middle
    for number in (2, 3):
        x, y, z = steps[number]["position"]
        steps[number]["position"] = (x + 0.002 * math.cos(WEST), y + 0.002 * math.sin(WEST), z)
    things = {"red_cube_a": lying(*CUBE, WEST), "blue_cube": lying(*beside(0.046, WEST), WEST)}
    start = at_home(cell, checker, **things)
    violations = checker.check(plan(*steps), start).violations
    (lag,) = [violation for violation in violations if violation.kind == "tracking"]
    assert lag.hint.startswith("moving_jaw presses on blue_cube")


@pytest.mark.parametrize(
    ("radial", "across", "yaw"),
    [
        (0.028, 0.0, 0.6),
        (-0.028, 0.01, 0.0),
        pytest.param(0.028, 0.0, 0.0, marks=pytest.mark.long),
        pytest.param(0.0, 0.028, 0.0, marks=pytest.mark.long),
    ],
)
def test_a_bin_that_holds_one_takes_another(
    cell: Cell, checker: Checker, radial: float, across: float, yaw: float
) -> None:
    """What lies in a bin may be nudged by what joins it; both are in it then."""
    region = cell.regions["red_bin"]
    x, y, _ = region.center
    out, left = region.yaw, region.yaw + math.pi / 2
    there = lying(
        x + radial * math.cos(out) + across * math.cos(left),
        y + radial * math.sin(out) + across * math.sin(left),
        region.yaw + yaw * (across == 0),
    )
    start = at_home(cell, checker, red_cube_a=lying(*CUBE, WEST), red_cube_b=there)
    verdict = checker.check(sort(cell, "red_cube_a", start), start)
    assert verdict.violations == ()
    for name in ("red_cube_a", "red_cube_b"):
        assert inside(region, verdict.end_objects[name].position)


def test_what_is_pushed_about_in_its_bin_stays_there(cell: Cell, checker: Checker) -> None:
    """More than a thing on the table may be moved, and believed where it went."""
    region = cell.regions["red_bin"]

    def at(left: float, z: float) -> tuple[float, float, float]:
        return point(0.2, region.yaw + left / 0.2, z)

    there = lying(*at(0.01, 0.0)[:2], region.yaw)
    way = [
        pose(at(*spot), yaw=region.yaw) for spot in ((-0.02, 0.09), (-0.02, 0.03), (0.002, 0.03))
    ]
    start = at_home(cell, checker, red_cube_b=there)
    verdict = checker.check(plan(carry(region.yaw), grip(0.0), *way), start)
    assert verdict.violations == ()
    end = verdict.end_objects["red_cube_b"]
    assert end.source == "predicted"
    assert math.dist(end.position, there.position) > cell.check.moved
    assert inside(region, end.position)


def test_what_lands_on_another_is_not_in_the_bin(cell: Cell, checker: Checker) -> None:
    x, y, _ = cell.regions["red_bin"].center
    start = at_home(cell, checker, red_cube_a=lying(*CUBE, WEST), red_cube_b=lying(x, y))
    verdict = checker.check(sort(cell, "red_cube_a", start), start)
    (violation,) = verdict.violations
    assert (violation.kind, violation.subject) == ("goal", "object_in_region")
    assert "is not in red_bin" in violation.sentence


@pytest.mark.parametrize("speed", [pytest.param(0.05, marks=pytest.mark.long), 1.0])
def test_letting_go_at_any_speed_is_not_dropping(
    cell: Cell, checker: Checker, speed: float
) -> None:
    start = at_home(cell, checker, red_cube_a=lying(*CUBE, WEST))
    steps = pick(*CUBE, WEST)[:5]
    away = pose((*CUBE, 0.06), yaw=WEST)
    verdict = checker.check(plan(*steps, {**grip(0.045), "speed": speed}, away, carry(WEST)), start)
    assert verdict.violations == ()
    assert verdict.end_objects["red_cube_a"].held_pose is None


def put_down(x: float, y: float, yaw: float) -> list[Step]:
    """Take a cube, lift it and set it down again where it lay, jaw closed above it."""
    take = pick(x, y, yaw)
    low = {**take[3], "position": (*take[3]["position"][:2], 0.021)}
    return [*take[:6], low, grip(0.05), take[5], grip(0.0)]


@pytest.mark.parametrize(
    ("radius", "azimuth"),
    [(0.2, math.radians(60)), pytest.param(0.16, math.pi / 4, marks=pytest.mark.long)],
)
def test_what_was_put_down_may_not_be_swept_away(
    cell: Cell, checker: Checker, radius: float, azimuth: float
) -> None:
    there = point(radius, azimuth, 0.0)[:2]
    start = at_home(cell, checker, red_cube_a=lying(*there, azimuth))
    before = put_down(*there, azimuth)
    across = [pose(point(radius, azimuth + side, 0.018), speed=0.6) for side in (0.45, -0.45)]
    (violation,) = checker.check(plan(*before, *across), start).violations
    assert (violation.kind, violation.subject) == ("displaced", "red_cube_a")
    assert violation.step == len(before) + 1


def test_what_falls_far_is_not_let_go(cell: Cell, checker: Checker) -> None:
    start = at_home(cell, checker, red_cube_a=lying(*CUBE, WEST))
    violation, *_ = checker.check(plan(*pick(*CUBE, WEST), grip(0.05)), start).violations
    assert (violation.kind, violation.step) == ("dropped", 7)
    assert violation.value > violation.limit == cell.check.fall
    assert "let go of it lower" in violation.hint


@pytest.mark.parametrize(("more", "passes"), [(1.0, True), (0.0, False), (2.0, False)])
def test_a_scale_is_foreseen_to_read_what_will_lie_on_it(
    cell: Cell, checker: Checker, more: float, passes: bool
) -> None:
    """Where the cell says which region a scale weighs."""
    mass, before = cell.objects["red_cube_a"].mass, 0.004
    lies = at_home(cell, checker, red_cube_a=lying(*CUBE, WEST))
    start = replace(lies, sensors={"red_scale.weight": before, "blue_scale.weight": before})
    sorting = sort(cell, "red_cube_a", start)
    reads = {
        "predicate": "sensor_in_range",
        "sensor": "red_scale.weight",
        "low": before + (more - 0.25) * mass,
        "high": before + (more + 0.25) * mass,
    }
    asked = sorting.model_dump()
    verdict = checker.check(plan(*asked["steps"], goal=[*asked["goal"], reads]), start)
    assert verdict.passed == passes, verdict.violations


def rolled(cell: Cell, place: Place, ends: Place) -> list[Violation]:
    """What is said of a cube that nobody holds, and that is elsewhere in the second half."""
    scene = Scene(load_model(cell), cell)
    rows, (at, _) = 60, scene.object_qpos["blue_cube"]
    qpos = np.tile(mujoco.MjData(scene.model).qpos, (rows, 1))
    qpos[:, at : at + 3], qpos[rows // 2 :, at : at + 3] = place, ends
    run: Any = SimpleNamespace(qpos=qpos, command=np.zeros((rows, len(cell.arm.all_joints))))
    grips = {"blue_cube": Grip("blue_cube", np.zeros(rows, dtype=bool))}
    return [*Things(cell, scene).judge(run, grips, {}, Timeline((0, rows - 1), 100.0))]


@pytest.mark.parametrize("height", [0.0125, -0.3])
def test_what_lies_lower_than_the_origin_is_judged_alike(cell: Cell, height: float) -> None:
    """As where the origin is the arm's flange, and the table is below it."""
    (moved,) = rolled(cell, (0.2, 0.1, height), (0.2, 0.2, height))
    assert (moved.kind, moved.subject) == ("displaced", "blue_cube")
    assert rolled(cell, (0.2, 0.1, height), (0.2, 0.1, height)) == []
    assert rolled(cell, (NOWHERE, NOWHERE, height), (NOWHERE, NOWHERE, height - 1.0)) == []


def slips(cell: Cell, *jaw: float) -> list[str]:
    """What is said of a cube that leaves the fingers in the third of three steps of half a second.

    ``jaw`` [rad]: what it is told in each.
    """
    scene = Scene(load_model(cell), cell)
    rows, number = 50, len(cell.arm.joints)
    at, _ = scene.object_qpos["blue_cube"]
    qpos = np.tile(mujoco.MjData(scene.model).qpos, (3 * rows, 1))
    qpos[:, at : at + 3] = (0.2, 0.1, 0.0125)
    command = np.zeros((3 * rows, len(cell.arm.all_joints)))
    command[0, number], command[1:, number] = jaw[0], np.repeat(jaw, rows)[:-1]
    held = np.arange(3 * rows) < 2.5 * rows
    run: Any = SimpleNamespace(qpos=qpos, command=command)
    timeline = Timeline((0, rows, 2 * rows, 3 * rows - 1), 2.0 * rows)
    found = Things(cell, scene).judge(run, {"blue_cube": Grip("blue_cube", held)}, {}, timeline)
    return [violation.sentence for violation in found]


def test_what_slips_in_a_step_that_opens_nothing_is_dropped(cell: Cell) -> None:
    """Though an earlier one loosened the grip."""
    (said,) = slips(cell, 0.1, 0.15, 0.15)
    assert "slips out of the gripper" in said
    assert slips(cell, 0.1, 0.1, 0.3) == []


LAID, LEANING, UPRIGHT = math.pi / 2, 0.6, 0.0  # rad, about x


def let_go(
    cell: Cell, hung: float, ends: float, where: Place, roll: float = 0.0
) -> list[Violation]:
    """What is said of a cube that leans by so much [rad] in the jaw, and otherwise afterwards.

    ``roll`` [m/s]: how fast it goes on from ``where`` it is let go.
    """
    scene = Scene(load_model(cell), cell)
    rows, half, rate = 100, 50, 100.0
    at, _ = scene.object_qpos["blue_cube"]
    qpos = np.tile(mujoco.MjData(scene.model).qpos, (rows, 1))
    qpos[:, at : at + 3] = where
    qpos[half:, at] += roll * np.arange(half) / rate
    for rows_of, lean in ((slice(0, half), hung), (slice(half, rows), ends)):
        qpos[rows_of, at + 3 : at + 7] = (math.cos(lean / 2), math.sin(lean / 2), 0.0, 0.0)
    command = np.zeros((rows, len(cell.arm.all_joints)))
    command[half - 1 :, len(cell.arm.joints)] = 0.5  # it opens
    run: Any = SimpleNamespace(qpos=qpos, command=command)
    held = np.arange(rows) < half
    timeline = Timeline((0, half - 1, rows - 1), rate)
    return [*Things(cell, scene).judge(run, {"blue_cube": Grip("blue_cube", held)}, {}, timeline)]


@pytest.mark.parametrize("roll", [0.0, 0.1])
def test_what_falls_over_when_it_is_let_go_is_tipped_over(cell: Cell, roll: float) -> None:
    """Whether it comes to rest or not; in a bin it may lie as it likes."""
    place = (0.2, 0.1, 0.0125)
    (fallen,) = let_go(cell, UPRIGHT, LAID, place, roll)
    assert "is tipped over" in fallen.sentence
    assert (fallen.kind, fallen.step, fallen.unit) == ("displaced", 1, "rad")
    assert fallen.value == pytest.approx(LAID)
    assert let_go(cell, UPRIGHT, UPRIGHT, place, roll) == []
    x, y, z = cell.regions["red_bin"].center
    assert let_go(cell, UPRIGHT, LAID, (x, y, z)) == []


def test_what_hangs_leaning_may_come_to_stand_but_not_to_lie_otherwise(cell: Cell) -> None:
    place = (0.2, 0.1, 0.0125)
    assert let_go(cell, LEANING, UPRIGHT, place) == []
    assert let_go(cell, LAID, LAID, place) == []
    (fallen,) = let_go(cell, LEANING, LAID, place)
    assert "is tipped over" in fallen.sentence


def test_what_is_tipped_where_it_lies_is_named(cell: Cell) -> None:
    scene = Scene(load_model(cell), cell)
    rows, (at, _) = 60, scene.object_qpos["blue_cube"]
    qpos = np.tile(mujoco.MjData(scene.model).qpos, (rows, 1))
    qpos[:, at : at + 7] = (0.2, 0.1, 0.0125, 1.0, 0.0, 0.0, 0.0)
    qpos[40:, at + 3 : at + 7] = (math.sqrt(0.5), 0.0, math.sqrt(0.5), 0.0)
    run: Any = SimpleNamespace(qpos=qpos, command=np.zeros((rows, len(cell.arm.all_joints))))
    grips = {"blue_cube": Grip("blue_cube", np.zeros(rows, dtype=bool))}
    (fallen,) = Things(cell, scene).judge(run, grips, {}, Timeline((0, rows - 1), 100.0))
    assert "is tipped over" in fallen.sentence
    assert fallen.time == pytest.approx(0.4)
