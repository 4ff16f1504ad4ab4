"""Whatever a plan asks for within the schema: a verdict, consistent in itself, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from desk_plans import AXIS_X, at_home, carry, grip, joints, plan, point, pose, scattered
from handrail_sim.cell import Cell
from handrail_sim.check.checker import Checker
from handrail_sim.plan import Plan
from handrail_sim.predicates import TURN
from handrail_sim.verdict import StartState, Verdict, ViolationKind
from hypothesis import given, settings
from hypothesis import strategies as st

JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
NAMES = ("red_cube_a", "red_cube_b", "blue_cube")
REGIONS = ("red_bin", "blue_bin", "pick_area")


@pytest.fixture(scope="module")
def checker(cell: Cell) -> Checker:
    return Checker(cell)


@pytest.fixture(scope="module")
def start(cell: Cell, checker: Checker) -> StartState:
    return at_home(cell, checker, **scattered(cell, 1))


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, allow_infinity=False)


def steps(**strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Any tool; what it is called with as given."""
    speed = {"speed": strategies["speed"]}
    joint = st.dictionaries(st.sampled_from(JOINTS), strategies["angle"], min_size=1)
    go = {key: strategies[key] for key in ("position", "tilt", "yaw")}
    arguments: dict[str, dict[str, st.SearchStrategy[Any]]] = {
        "arm_move_to_pose": {**go, **speed},
        "arm_move_joints": {"positions": joint, **speed},
        "gripper_set": {"gap": numbers(0.0, 0.09), **speed},
        "arm_home": speed,
        "arm_rest": speed,
        "wait": {"seconds": strategies["seconds"]},
    }
    return st.one_of(
        *(st.fixed_dictionaries({"tool": st.just(k), **v}) for k, v in arguments.items())
    )


NEAR = st.builds(point, numbers(0.12, 0.28), numbers(-1.5, 1.5), numbers(0.015, 0.25))
TAME = steps(
    position=NEAR,
    tilt=numbers(0.0, 1.2),
    yaw=st.none(),
    angle=numbers(-1.0, 1.0),
    speed=numbers(0.1, 1.0),
    seconds=numbers(0.01, 1.0),
)
WILD = steps(
    position=st.builds(point, numbers(0.0, 0.5), numbers(-3.0, 3.0), numbers(-0.1, 0.5))
    | st.tuples(*[numbers(-1e308, 1e308)] * 3),
    tilt=numbers(-0.5, 1.8),
    yaw=st.none() | numbers(-TURN, TURN),
    angle=numbers(-1.7, 1.7) | numbers(-1e308, 1e308),
    speed=numbers(5e-324, 1.0),
    seconds=numbers(5e-324, 30.0),
)
GOALS = st.one_of(
    st.fixed_dictionaries(
        {"predicate": st.just("holding"), "object": st.none() | st.sampled_from(NAMES)}
    ),
    st.just({"predicate": "released"}),
    st.fixed_dictionaries(
        {
            "predicate": st.just("object_in_region"),
            "object": st.sampled_from(NAMES),
            "region": st.sampled_from(REGIONS),
        }
    ),
)


def plans(step: st.SearchStrategy[dict[str, Any]], goals: int) -> st.SearchStrategy[Plan]:
    return st.builds(
        lambda steps, goal: plan(*steps, goal=goal),
        st.lists(step, min_size=1, max_size=5),
        st.lists(GOALS, max_size=goals),
    )


def judge(cell: Cell, asked: Plan, verdict: Verdict) -> None:
    assert verdict.passed == (not verdict.violations) == (verdict.trajectory is not None)
    assert verdict.plan_digest == asked.digest()
    for violation in verdict.violations:
        assert -1 <= violation.step < len(asked.steps)
        assert np.isfinite([violation.value, violation.limit, violation.time]).all()
        assert violation.sentence.endswith(".")
        assert max(map(len, (violation.sentence, violation.hint))) < 300
    unmet = [result for result in verdict.goal if not result.met]
    told = [v for v in verdict.violations if v.kind == ViolationKind.GOAL]
    assert len(unmet) == len(told)
    trajectory = verdict.trajectory
    if trajectory is None:
        return
    assert trajectory.duration <= cell.check.duration
    assert len(trajectory.step_rows) == len(asked.steps) + 1
    setpoints = trajectory.hold + trajectory.lead
    limits = [cell.arm.limits[name] for name in trajectory.joints]
    assert (setpoints >= [limit.low for limit in limits]).all()
    assert (setpoints <= [limit.high for limit in limits]).all()
    assert np.isfinite(trajectory.predicted).all()
    assert verdict.clearance is None or verdict.clearance >= 0


@pytest.mark.parametrize("count", [12, pytest.param(700, marks=pytest.mark.long)])
@pytest.mark.parametrize(("step", "goals"), [(TAME, 0), (WILD, 2)], ids=["tame", "wild"])
def test_any_plan_gets_a_verdict(
    cell: Cell,
    checker: Checker,
    start: StartState,
    step: st.SearchStrategy[dict[str, Any]],
    goals: int,
    count: int,
) -> None:
    @settings(max_examples=count, derandomize=True, database=None)
    @given(asked=plans(step, goals))
    def check(asked: Plan) -> None:
        judge(cell, asked, checker.check(asked, start))

    check()


@pytest.mark.parametrize(
    "step",
    [
        {**joints(shoulder_pan=-1.9), "speed": 5e-324},
        {**grip(0.09), "speed": 1e-9},
        {**carry(-1.0), "speed": 1e-4},
        {"tool": "arm_home", "speed": 1e-6},
    ],
)
def test_a_motion_of_hours_is_refused_unseen(
    cell: Cell, checker: Checker, start: StartState, step: dict[str, Any]
) -> None:
    slow = plan(joints(shoulder_pan=0.0), step)
    verdict = checker.check(slow, start)
    judge(cell, slow, verdict)
    (violation,) = verdict.violations
    assert (violation.kind, violation.step) == (ViolationKind.DURATION, 1)
    assert violation.value > violation.limit == cell.check.duration
    # The speed of the hint passes, and it takes what the hint says.
    words = violation.hint.split()
    faster = plan(joints(shoulder_pan=0.0), {**step, "speed": float(words[2])})
    trajectory = checker.check(faster, start).trajectory
    assert trajectory is not None
    lasts = (trajectory.step_rows[2] - trajectory.step_rows[1]) / trajectory.rate
    assert lasts == pytest.approx(float(words[6]), abs=1.0)


@pytest.mark.parametrize("name", JOINTS)
@pytest.mark.parametrize("side", ["low", "high"])
def test_a_joint_may_stand_at_its_limit(cell: Cell, checker: Checker, name: str, side: str) -> None:
    """Exactly at it nothing is refused for it, and no setpoint goes beyond."""
    asked = plan(joints(**{name: getattr(cell.arm.limits[name], side)}))
    verdict = checker.check(asked, at_home(cell, checker))
    judge(cell, asked, verdict)
    kinds = {violation.kind for violation in verdict.violations}
    assert kinds <= {ViolationKind.COLLISION, ViolationKind.CLEARANCE}


@pytest.mark.parametrize("z", [0.0, 0.2, 0.4])
@pytest.mark.parametrize("tilt", [-0.5, 0.0, 1.8])
def test_over_the_arms_own_axis_no_direction_leads_out(
    cell: Cell, checker: Checker, start: StartState, z: float, tilt: float
) -> None:
    asked = plan(pose((AXIS_X, 0.0, z), tilt=tilt))
    verdict = checker.check(asked, start)
    judge(cell, asked, verdict)
    assert not verdict.passed


def test_as_many_steps_as_a_plan_may_have(cell: Cell, checker: Checker, start: StartState) -> None:
    many = plan(*[grip(0.02 + 0.0005 * k) for k in range(64)])
    verdict = checker.check(many, start)
    judge(cell, many, verdict)
    assert verdict.passed
