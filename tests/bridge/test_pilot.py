"""The scripted pilot reads what the tools say: refusals, failed grasps, the end of its means."""

from __future__ import annotations

import contextlib
import math

import pytest
from handrail_bridge.pilot.grasp import Base, grasps, way_round
from handrail_bridge.pilot.sorting import ATTEMPTS, Pilot
from handrail_bridge.reports import Check, Permit, Receipt
from handrail_bridge.senses import describe
from handrail_sim.cell_file import load_cell
from handrail_sim.verdict import GoalResult, Verdict, Violation, ViolationKind

CUBE = {"position": [0.2, 0.15, 0.0125], "yaw": 0.3, "size": [0.025] * 3, "source": "seen"}
POST = {"obstacle": "post", "center": [0.24, -0.05, 0.075], "size": [0.03, 0.03, 0.15]}
POST |= {"top_z": 0.15, "yaw": 0.0}


class Rail:
    """A bridge by hand: ``refuse`` judges a plan, ``fail`` says which grasps fail."""

    def __init__(self, refuse=lambda _: None, fails=0):
        self.cell = describe(load_cell("desk"))
        self.cell["objects"] = {"blue_cube": self.cell["objects"]["blue_cube"]}
        self.refuse = refuse
        self.fails = fails
        self.plans, self.executed = [], []
        self.held = self.sorted = False
        self.holder = ""

    async def call(self, tool, **_):
        if tool == "cell_describe":
            return self.cell
        if tool == "arm_state":
            return {"tcp": [0.2, 0.1, 0.1], "holding": False}
        if tool == "blue_scale_read_values":
            return {"weight": 0.2}
        region = "blue_bin" if self.sorted else "pick_area"
        source = "predicted" if self.sorted else "seen"
        return {"objects": {"blue_cube": {**CUBE, "region": region, "source": source}}}

    @contextlib.asynccontextmanager
    async def lease(self, holder):
        self.holder = holder
        yield
        self.holder = ""

    async def check(self, plan):
        self.plans.append(plan)
        found = self.refuse(plan)
        violations = (found,) if found else ()
        empty = Verdict(not found, "p", violations, (), 1.0, None, "", {}, {}, 0.01, None, {}, ())
        return Check(empty, None if found else Permit("permit", "p", "t", 30.0))

    async def play(self, plan, permit):
        assert self.holder == "pilot"
        self.executed.append(plan)
        goal = [GoalResult(p["predicate"], self._does(p), "so it is") for p in plan["goal"]]
        return Receipt("r", "p", permit.id, True, "", "", 1.0, 0.0, (), {}, tuple(goal))

    def _does(self, predicate):
        if predicate["predicate"] == "holding":
            self.held = self.fails <= 0
            self.fails -= 1
            return self.held
        if predicate["predicate"] == "object_in_region":
            self.sorted = self.held
        return self.held


def through_the_post(plan):
    """Refuse what does not first go over the post."""
    first = plan["steps"][0]
    if first.get("position", [0, 0, 0])[2] > POST["top_z"] or len(plan["steps"]) == 1:
        return None
    return Violation(
        ViolationKind.COLLISION, 1, 0.5, "gripper and post", -0.01, 0.004, "m",
        "the gripper hits post", "pass above", POST,
    )  # fmt: skip


async def run(rail):
    events = []
    log = await Pilot(rail, events.append).run()
    return log, [event.kind for event in events], events


async def test_an_object_is_taken_and_put_where_it_belongs():
    rail = Rail()
    log, kinds, _ = await run(rail)
    assert rail.sorted
    assert (log.refused, log.given_up) == (0, [])
    assert kinds[-1] == "looked"  # it looks again before it says that nothing is left


async def test_a_refusal_that_names_an_obstacle_is_read_and_gone_round():
    rail = Rail(refuse=through_the_post)
    log, kinds, events = await run(rail)
    assert rail.sorted
    assert log.refused >= 2  # the straight way was tried first, for taking and for putting
    assert kinds.index("refused") < kinds.index("permitted", kinds.index("refused"))
    assert any("hits post" in event.text for event in events)
    over = [s for plan in rail.executed for s in plan["steps"] if "position" in s]
    assert max(step["position"][2] for step in over) > POST["top_z"] + 0.05


async def test_nothing_is_executed_that_was_refused():
    rail = Rail(refuse=through_the_post)
    await run(rail)
    assert all(through_the_post(plan) is None for plan in rail.executed)


async def test_a_grasp_that_failed_is_repeated():
    rail = Rail(fails=2)
    _, kinds, _ = await run(rail)
    assert rail.sorted
    assert kinds.count("failed") == 2


async def test_the_pilot_gives_up_after_its_attempts():
    rail = Rail(fails=10**6)
    log, kinds, _ = await run(rail)
    assert not rail.sorted
    assert log.given_up == ["blue_cube"]
    assert kinds.count("failed") == ATTEMPTS


async def test_where_no_grasp_is_permitted_it_says_so_and_ends():
    def never(plan):
        if len(plan["steps"]) == 1:
            return None
        return Violation(ViolationKind.UNREACHABLE, 1, 0.0, "tcp", 0.1, 0.001, "m", "too far", "")

    rail = Rail(refuse=never)
    log, _, events = await run(rail)
    assert log.given_up == ["blue_cube"]
    assert any("no way to take" in event.text for event in events)


@pytest.mark.parametrize("yaw", [0.0, 0.7, -1.2])
def test_grasps_close_across_the_objects_faces(yaw):
    base = Base(0.0388, 0.0)
    for grasp in grasps({**CUBE, "yaw": yaw}, [], base):
        assert abs(math.remainder(grasp.yaw - yaw, math.pi / 2)) < 1e-9
        assert math.dist(grasp.position[:2], CUBE["position"][:2]) < 0.02
        assert grasp.gap > CUBE["size"][0]


def test_the_way_round_is_over_the_obstacle_and_nearer_to_the_base():
    base = Base(0.0388, 0.0)
    radius, _ = base.polar(tuple(POST["center"]))
    for step in way_round(POST, base, 1.0, -1.0):
        assert step["position"][2] > POST["top_z"]
        assert base.polar(tuple(step["position"]))[0] < radius


@pytest.mark.parametrize("yaw", [0.0, 0.7, -1.2])
@pytest.mark.parametrize("towards", [0.0, 1.0, 2.5])
def test_fingers_come_down_beside_a_neighbour(yaw, towards):
    x, y, z = CUBE["position"]
    direction = yaw + round(towards / (math.pi / 2)) * math.pi / 2
    other = (x + 0.05 * math.cos(direction), y + 0.05 * math.sin(direction), z)
    first = next(grasps({**CUBE, "yaw": yaw}, [other], Base(0.0388, 0.0)))
    across = abs(math.sin(first.yaw - direction))
    assert across > 0.9, "the fingers are not on the neighbour's line"


def test_after_a_failure_the_next_grasp_comes_from_another_side():
    base = Base(0.0388, 0.0)
    yaws = {next(grasps(CUBE, [], base, failed)).yaw for failed in range(3)}
    assert len(yaws) == 3
