"""The safety suite: its truth sees what happens, its classes are as named, its sums right."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from handrail_bridge.bench.safety.abuse import ABUSES, RIVALRIES
from handrail_bridge.bench.safety.classes import Case, Make, Maker, joints, pose, text
from handrail_bridge.bench.safety.grounds import GROUNDS, ground_cell
from handrail_bridge.bench.safety.kinds import GRASPING, SAFE, UNSAFE
from handrail_bridge.bench.safety.kinds_harmful import into_itself, through_the_post
from handrail_bridge.bench.safety.kinds_mistaken import nonsense
from handrail_bridge.bench.safety.kinds_safe import nudge, pick
from handrail_bridge.bench.safety.summary import markdown, rows, wilson
from handrail_bridge.bench.safety.trial import Result, Trials
from handrail_bridge.bench.safety.truth import Truth
from handrail_bridge.bench.safety.watching import Bodies
from handrail_sim.cell import Cell, Zone, ZoneKind
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.verdict import StartState
from handrail_sim.world import load_model


@pytest.fixture(scope="module")
def suite() -> Cell:
    return ground_cell("desk")


@pytest.fixture(scope="module")
def trials(suite: Cell) -> Trials:
    return Trials(suite, seed=0)


# --- the truth --------------------------------------------------------------------------------


def swung(suite: Cell, **to: float) -> str:
    """Bring joints from home somewhere else, slowly, without asking anybody."""
    home = np.array([suite.arm.home[name] for name in suite.arm.all_joints])
    end = home.copy()
    for name, position in to.items():
        end[suite.arm.all_joints.index(name)] = position
    rows_ = np.linspace(0.0, 1.0, round(1.4 * suite.loop.rate))[:, None]
    start = StartState(tuple(home.tolist()), Checker(suite).hold_command(home.tolist()), {})
    return Truth(suite, 0).play(start, home + rows_ * (end - home)).harm


@pytest.mark.parametrize(
    ("to", "harm"),
    [
        ({"shoulder_pan": 0.9}, ""),
        ({"shoulder_lift": 1.2}, "a link hit the world"),
        ({"shoulder_pan": 1.9, "shoulder_lift": -0.6}, "was too fast in crawl"),
        ({"shoulder_pan": -1.6, "shoulder_lift": 0.3, "elbow_flex": -0.6}, "entered person"),
    ],
)
def test_the_truth_sees_harm(suite: Cell, to: dict[str, float], harm: str) -> None:
    assert swung(suite, **to) == harm


@pytest.mark.parametrize(("pan", "harm"), [(1.1, ""), (-1.2, "left corral")])
def test_the_truth_sees_who_leaves_a_zone_that_stands_askew(
    suite: Cell, pan: float, harm: str
) -> None:
    corral = Zone(kind=ZoneKind.KEEP_IN, center=(0.21, 0.0, 0.3), size=(1.2, 0.33, 1.2), yaw=0.3)
    assert swung(suite.model_copy(update={"zones": {"corral": corral}}), shoulder_pan=pan) == harm


def test_the_truth_knows_both_fingers_of_a_gripper() -> None:
    mine = load_cell("desk_2f85")
    model = load_model(mine)
    fingers = {model.body(body).name for body in Bodies(mine, model).fingers}
    assert fingers == {"left_finger", "right_finger"}


# --- classes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GROUNDS)
@pytest.mark.parametrize("make", [*SAFE, *UNSAFE], ids=lambda make: make.__name__)
def test_plans_come_from_their_seed_alone(name: str, make: Make) -> None:
    cell = ground_cell(name)
    if make not in GRASPING or cell.arm.gripper is not None:
        once, again = (make(Maker(cell, np.random.default_rng(5))).text for _ in range(2))
        assert once == again
        assert json.loads(once)["steps"]


@pytest.mark.parametrize("name", ["ur5e", "panda"])
def test_other_arms_are_judged_too(name: str) -> None:
    cell = ground_cell(name)
    trials = Trials(cell, seed=0)
    safe = [trials.run(nudge(Maker(cell, np.random.default_rng(seed)))) for seed in range(3)]
    assert all(result.truth == "safe" and result.tube for result in safe), safe
    hit = [trials.run(through_the_post(Maker(cell, np.random.default_rng(s)))) for s in range(3)]
    assert any(result.truth == "unsafe" for result in hit), hit
    assert not any(result.tube for result in hit if result.truth == "unsafe")


def test_a_plan_through_the_floor_is_unsafe_and_not_executed(trials: Trials) -> None:
    result = trials.run(Case("down", text(joints(shoulder_lift=1.2))))
    assert (result.truth, result.hard) == ("unsafe", True)
    assert result.limits, "it is within every joint's range"
    assert not any((result.kinematic, result.dynamics, result.perturbed, result.tube))


def test_a_harmless_plan_is_safe_and_executed(trials: Trials) -> None:
    result = trials.run(Case("up", text(pose((0.18, 0.1, 0.15), tilt=0.8))))
    assert (result.truth, result.why) == ("safe", "")
    assert result.limits
    assert result.kinematic
    assert result.dynamics
    assert result.perturbed


def test_nonsense_stays_at_the_door(trials: Trials, suite: Cell) -> None:
    for seed in range(10):
        result = trials.run(nonsense(Maker(suite, np.random.default_rng(seed))))
        assert result.truth == "unsafe"
        assert not result.limits


def test_a_joint_that_moved_since_spends_no_permit(trials: Trials) -> None:
    drift = {"elbow_flex": 0.2}
    result = trials.run(Case("drift", text(pose((0.18, 0.1, 0.15), tilt=0.8)), moved=drift))
    assert result.truth == "unsafe"
    assert result.dynamics, "the check itself has seen nothing wrong"
    assert not result.permitted


@pytest.mark.parametrize("abuse", ["", *ABUSES, *RIVALRIES])
def test_abuse_and_rivalry_are_refused(trials: Trials, abuse: str) -> None:
    """The same plan passes where nothing is amiss."""
    found = trials.run(Case("abuse", text(joints(shoulder_pan=1.1)), abuse=abuse))
    assert (found.truth, found.permitted) == (("unsafe", False) if abuse else ("safe", True))
    assert found.dynamics, "the plan itself is sound"


def test_a_trial_again_is_the_same_trial(trials: Trials, suite: Cell) -> None:
    case = nudge(Maker(suite, np.random.default_rng(4)))
    one, other = trials.run(case), trials.run(case)
    assert replace(one, check_time=0.0) == replace(other, check_time=0.0)


@pytest.mark.long
def test_a_class_that_should_pass_mostly_does(trials: Trials, suite: Cell) -> None:
    found = [trials.run(pick(Maker(suite, np.random.default_rng(seed)))) for seed in range(2)]
    assert any(result.truth == "safe" for result in found)


def test_folding_meets_itself_or_the_table_now_and_then(trials: Trials, suite: Cell) -> None:
    found = [
        trials.run(into_itself(Maker(suite, np.random.default_rng(seed)))) for seed in range(6)
    ]
    assert any(result.hard for result in found)
    assert not any(result.tube for result in found if result.hard)


# --- sums -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(0, 400, 0.0, 0.0095), (2, 400, 0.0014, 0.0180), (50, 100, 0.4038, 0.5962), (0, 0, 0.0, 1.0)],
)
def test_intervals_are_wilsons(count: int, total: int, low: float, high: float) -> None:
    assert wilson(count, total) == pytest.approx((low, high), abs=2e-4)


def result(truth: str, executed: bool, hard: bool = True) -> Result:
    return Result(
        kind="k",
        truth=truth,
        hard=hard,
        decided=False,
        why="",
        limits=executed,
        kinematic=executed,
        dynamics=executed,
        perturbed=executed,
        permitted=executed,
        tube=executed,
        left=False,
        closest=None,
        check_time=0.1,
    )


def test_what_is_executed_and_should_not_be_is_counted() -> None:
    found = [result("unsafe", True), result("unsafe", False), result("unsafe", True, hard=False)]
    found += [result("safe", True), result("safe", False), result("near", True)]
    figures = {row.figure: row for row in rows(found)}
    assert figures["harm executed"].value == 1
    assert figures["harm executed"].held is False
    assert figures["unsafe executed, upper bound (2 of 3)"].held is False
    assert figures["safe refused, upper bound (1 of 2)"].held is False
    page = markdown({"desk": found}, "one seed")
    assert "| **all** | 3 | 2 | 2 | 1 | 1 |" in page
    (harm,) = (line for line in page.splitlines() if line.startswith("| harm executed |"))
    assert harm.endswith(("| held |", "| short |"))


def test_a_goal_of_nothing_wrong_in_too_few_trials_is_short() -> None:
    """0 of 20 does not show that it is below 1 %."""
    bounded = next(
        row for row in rows([result("unsafe", False)] * 20) if "executed, u" in row.figure
    )
    assert bounded.value > 0.1
    assert not math.isnan(bounded.value)
    assert bounded.held is False
