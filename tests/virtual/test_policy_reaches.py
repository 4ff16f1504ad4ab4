"""The desk's policy brings the TCP to its targets in the perturbed truth; drawn weights do not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from handrail_bridge.loop.state import Mode
from handrail_sim.cell import Cell
from handrail_sim.check.checker import Checker
from handrail_sim.policy.drive import Policies
from handrail_sim.train_policy.expert import tilt_for
from policy_trial import (
    ARRIVED,
    Trial,
    policy_cell,
    random_weights,
    reached,
    run_step,
    targets,
)

CELL = policy_cell()
SEEDS = range(100, 110)


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker(CELL)


def pose(target: tuple[float, float, float]) -> dict[str, object]:
    """The step that is shown beside the policy: inverse kinematics and a jerk-limited motion."""
    tilt = tilt_for(target, CELL.arm.axis)
    return {"tool": "arm_move_to_pose", "position": list(target), "tilt": tilt}


Step = Callable[[tuple[float, float, float]], dict[str, object]]


def errors(checker: Checker, step: Step, seeds: range, each: int) -> list[float]:
    """Return how far [m] the TCP ends from its targets in the truth; refused: infinitely far.

    Nothing goes wrong, and nothing is stopped without a cause.
    """
    off = []
    for seed in seeds:
        trial = Trial(CELL, checker, seed)
        for target in targets(CELL, each, seed):
            verdict = trial.run([step(target)], reached(target))
            assert not trial.stopped, trial.rig.state.reason
            off.append(trial.off(target) if verdict.passed else math.inf)
        assert trial.harm == []
        trial.close()
    return off


def count(off: list[float]) -> int:
    return sum(one < ARRIVED for one in off)


@pytest.fixture(scope="module")
def trial(checker: Checker) -> Iterator[Trial]:
    found = Trial(CELL, checker, seed=2)
    yield found
    found.close()


def test_it_ends_near_a_target_that_is_said_as_seen_from_a_thing(trial: Trial) -> None:
    x, y, z = trial.world.truth.snapshot()["objects"]["blue_cube"]["position"]
    target = (x, y, z + 0.1)
    verdict = trial.run([run_step((0.0, 0.0, 0.1), thing="blue_cube")], reached(target))
    assert verdict.passed, verdict.violations
    assert (trial.rig.state.mode, trial.rig.state.ended_completed) == (Mode.ARMED, True)
    assert trial.off(target) < ARRIVED
    assert trial.harm == []


def test_drawn_weights_in_its_place_are_refused_by_the_check(tmp_path: Path, trial: Trial) -> None:
    cell = random_weights(CELL, 1, tmp_path / "drawn.onnx")
    (target,) = targets(CELL, 1, 1)
    assert not trial.check([run_step(target)], reached(target), checker=Checker(cell)).passed


def test_drawn_weights_in_the_loop_alone_are_stopped_before_they_do_harm(
    tmp_path: Path, trial: Trial
) -> None:
    mislead(trial, random_weights(CELL, 1, tmp_path / "drawn.onnx"), seed=1)


def mislead(trial: Trial, drawn: Cell, seed: int) -> None:
    """Have another policy's weights in the loop than in the check: tube and bounds are left."""
    checked = (trial.check([run_step(one)], reached(one)) for one in targets(CELL, 5, seed))
    verdict = next(one for one in checked if one.passed)
    loaded = trial.rig.tick.motion.policies
    assert loaded is not None
    loaded._policies._models = Policies(drawn)._models  # what no client can do
    trial.play(verdict)
    assert trial.stopped
    assert trial.rig.state.fault_code in ("tube_left", "policy_bounds", "contact")
    assert trial.harm == []


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_95_of_100_targets_are_reached_within_10_mm_beside_ik_and_ruckig(
    checker: Checker,
) -> None:
    steps = {"policy": run_step, "IK + Ruckig": pose}
    found = {name: errors(checker, step, SEEDS, 10) for name, step in steps.items()}
    for name, off in found.items():
        some = [one for one in off if math.isfinite(one)]
        mm = (1000 * np.quantile(some, [0.5, 0.95, 1.0])).round(1).tolist()
        print(f"{name}: {count(off)} of {len(off)}; p50, p95, max of {len(some)}: {mm} mm")
    assert count(found["policy"]) >= 95, sorted(found["policy"])[-10:]


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_drawn_weights_do_harm_in_the_check_s_place_or_in_the_loop_alone(
    tmp_path: Path, checker: Checker
) -> None:
    for seed in range(1, 20):
        drawn = random_weights(CELL, seed, tmp_path / f"{seed}.onnx")
        trial = Trial(CELL, checker, seed)
        (target,) = targets(CELL, 1, seed)
        refused = trial.check([run_step(target)], reached(target), checker=Checker(drawn))
        assert not refused.passed
        mislead(trial, drawn, seed)
        trial.close()
