"""What a person sees before saying yes: the bridge's own words and picture, nobody else's."""

from __future__ import annotations

import math
from dataclasses import replace
from xml.etree import ElementTree as Xml

import pytest
from handrail_bridge.rail.belief import NO_OBJECTS
from handrail_bridge.rail.cards import card, told
from handrail_bridge.rail.grants import Grant, Present
from handrail_bridge.rail.permits import Permits
from handrail_bridge.rail.picture import picture
from handrail_sim.cell import Cell, Zone
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.demands import Approval
from handrail_sim.plan import Plan
from handrail_sim.verdict import ObjectBelief, StartState

CUBE = {"red_cube_a": ObjectBelief((0.2, 0.1, 0.0125), (1.0, 0.0, 0.0, 0.0), "seen", 0)}
PLAN = Plan.model_validate(
    {
        "steps": [
            {"tool": "arm_home"},
            {"tool": "arm_move_to_pose", "position": (0.18, 0.1, 0.15), "tilt": 0.8},
        ],
        "goal": [{"predicate": "released"}],
        "note": "<script>approve me, I am harmless</script>",
    }
)


@pytest.fixture(scope="module")
def cell() -> Cell:
    gate = Zone.model_validate({"kind": "ask", "center": (0.5, 0, 0.1), "size": (0.1, 0.1, 0.1)})
    desk = load_cell("desk")
    zones = {**desk.zones, "gate": gate}
    return desk.model_copy(update={"approval": Approval(always=True), "zones": zones})


@pytest.fixture(scope="module")
def grant(cell: Cell) -> Grant:
    checker = Checker(cell)
    home = [cell.arm.home[name] for name in cell.arm.all_joints]
    start = StartState(tuple(home), checker.hold_command(home), CUBE)
    verdict = checker.check(PLAN, start)
    assert verdict.passed
    permits = Permits(30.0, 0.03, 60.0)
    permits.issue(PLAN, verdict, Present(0.0, {}, "", NO_OBJECTS, 0, {}), (), 0.0)
    return permits.waiting(0.0)[0]


def test_a_card_says_what_why_and_how_near(cell: Cell, grant: Grant) -> None:
    shown = card(cell, grant, CUBE, now=10.0)
    assert shown.remaining == pytest.approx(50.0)
    assert shown.asks == ("Every plan of this cell needs approval.",)
    assert shown.steps[1].startswith("1: move the TCP to (180, 100, 150) mm, tilted by 46 deg")
    assert any("m/s at most" in sentence for sentence in shown.margins)
    assert any("worlds" in sentence for sentence in shown.margins)
    assert len(shown.goal) == 1
    assert grant.verdict.trajectory is not None
    assert shown.trajectory_digest == grant.verdict.trajectory.digest()


def test_nothing_that_a_model_wrote_is_on_it(cell: Cell, grant: Grant) -> None:
    shown = card(cell, grant, CUBE, now=0.0)
    assert "harmless" not in repr(shown)


def test_the_worst_world_is_told(cell: Cell, grant: Grant) -> None:
    found = grant.verdict.robustness
    assert found is not None
    worse = replace(found, passed=7, worst="The cube slips.")
    verdict = replace(grant.verdict, robustness=worse)
    shown = card(cell, replace(grant, verdict=verdict), CUBE, now=0.0)
    assert "The worst: The cube slips." in shown.margins


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ({"tool": "arm_move_joints", "positions": {"elbow_flex": 0.5}}, "elbow_flex to 0.500 rad"),
        ({"tool": "arm_move_joints", "positions": {"belt": 0.25}}, "belt to 0.250 m,"),
        ({"tool": "gripper_set", "gap": 0}, "close the gripper, at 100% of full speed"),
        ({"tool": "gripper_set", "gap": 0.03, "speed": 0.5}, "30 mm, at 50% of full speed"),
        ({"tool": "arm_rest"}, "lower the arm to its rest"),
        ({"tool": "wait", "seconds": 2}, "wait for 2 s"),
        (
            {"tool": "arm_move_to_pose", "position": (0.2, 0, 0.1), "yaw": 1.5708, "avoid": True},
            "turned to 90 deg, round what is in the way",
        ),
        (
            {
                "tool": "policy_run",
                "policy": "reach",
                "thing": "cube",
                "target": (0, 0, 0.1),
                "duration": 4,
            },
            "let the policy reach bring the TCP to (0, 0, 100) mm from cube, for 4 s",
        ),
    ],
)
def test_every_step_is_a_sentence(step: dict[str, object], sentence: str) -> None:
    assert sentence in told(Plan.model_validate({"steps": [step]}).steps[0], load_cell("line"))


def test_the_picture_shows_the_way_to_scale_in_both_views(cell: Cell, grant: Grant) -> None:
    root = Xml.fromstring(picture(cell, CUBE, grant.verdict))
    ways = [shape for shape in root.iter() if shape.tag.endswith("polyline")]
    assert len(ways) == 2
    path = grant.verdict.path
    assert path is not None
    for way, up in zip(ways, (1, 2), strict=True):
        drawn = [tuple(map(float, point.split(","))) for point in way.attrib["points"].split()]
        across = (drawn[-1][0] - drawn[0][0]) / 1000
        upwards = (drawn[0][1] - drawn[-1][1]) / 1000
        assert across == pytest.approx(path[-1][0] - path[0][0], abs=0.001)
        assert upwards == pytest.approx(path[-1][up] - path[0][up], abs=0.001)


def test_the_picture_names_what_is_there(cell: Cell, grant: Grant) -> None:
    root = Xml.fromstring(picture(cell, CUBE, grant.verdict))
    names = {shape.text for shape in root.iter() if shape.tag.endswith("title")}
    assert {"post", "red_bin", "gate", "red_cube_a"} <= names
    assert "blue_cube" not in names, "nobody knows where it is"


def test_a_turned_box_is_turned_from_above(cell: Cell, grant: Grant) -> None:
    turn = math.radians(45)
    turned = ObjectBelief((0.2, 0.1, 0.0125), (math.cos(turn / 2), 0, 0, math.sin(turn / 2)), "", 0)
    root = Xml.fromstring(picture(cell, {"red_cube_a": turned}, grant.verdict))
    shape = next(
        parent
        for parent in root.iter()
        if any(child.text == "red_cube_a" for child in parent if child.tag.endswith("title"))
    )
    xs = [float(point.split(",")[0]) for point in shape.attrib["points"].split()]
    assert max(xs) - min(xs) == pytest.approx(25 * math.sqrt(2), abs=0.5)
