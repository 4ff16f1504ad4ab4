"""The log: on the disk before anything moves, and honest about the run before."""

from pathlib import Path

import numpy as np
from handrail_bridge.rail.audit import NAME, Entry, read
from handrail_bridge.rail.belief import NO_OBJECTS
from handrail_bridge.rail.grants import Grant, Present
from handrail_bridge.rail.receipts import Receipts
from handrail_bridge.reports import Receipt
from handrail_sim.plan import Plan
from handrail_sim.verdict import GoalResult, Robustness, Trajectory, Verdict

PLAN = Plan.model_validate({"steps": [{"tool": "arm_home"}]})
NONE = np.zeros((1, 1))
MOTION = Trajectory(250, ("elbow_flex",), NONE, NONE, NONE, NONE, NONE, NONE, (0, 1))
VERDICT = Verdict(
    passed=True,
    plan_digest=PLAN.digest(),
    violations=(),
    goal=(),
    duration=0.004,
    clearance=0.012,
    clearance_pair="gripper and post",
    peak_velocity={},
    peak_effort={},
    check_time=0.1,
    trajectory=MOTION,
    end_objects={},
    robustness=Robustness(7, 8, "slips"),
)
GRANT = Grant("p", 1, PLAN, VERDICT, Present(0.0, {}, "cell", NO_OBJECTS, 0, {}), ("arm",), 30.0)


GOAL = (GoalResult("object_in_region", True, "in it", predicted=True),)


def receipt(receipt_id: str) -> Receipt:
    return Receipt(
        receipt_id, PLAN.digest(), "p", True, "", "", 1.0, 0.01, (), {"elbow_flex": 0.1}, GOAL
    )


def events(folder: Path) -> list[Entry]:
    return read(folder / NAME, 100)


def test_what_happens_is_appended_in_order(tmp_path: Path) -> None:
    for _ in range(2):
        log = Receipts(tmp_path, "cell")
        log.begin("r1", GRANT, "Ada")
        log.end(receipt("r1"))
        log.close()
    entries = events(tmp_path)
    assert [entry.event for entry in entries] == ["start", "execute", "receipt", "close"] * 2
    assert entries[2].body["end_position"] == {"elbow_flex": 0.1}


def test_what_is_executed_is_written_with_what_allowed_it(tmp_path: Path) -> None:
    log = Receipts(tmp_path, "cell")
    log.begin("r1", GRANT, "Ada")
    log.end(receipt("r1"))
    log.close()
    start, execute, ended, _ = (entry.body for entry in events(tmp_path))
    assert start["cell_digest"] == execute["cell_digest"] == "cell"
    assert execute["trajectory_digest"] == MOTION.digest()
    assert (execute["worlds"], execute["clearance"]) == ("7 of 8", 0.012)
    assert execute["holder"] == "Ada"
    assert ended["goal"] == [
        {"predicate": "object_in_region", "met": True, "sentence": "in it", "predicted": True}
    ]


def test_a_closed_run_and_a_first_run_were_not_interrupted(tmp_path: Path) -> None:
    log = Receipts(tmp_path, "cell")
    assert log.interrupted == ""
    log.close()
    assert Receipts(tmp_path, "cell").interrupted == ""


def test_a_run_that_died_names_its_plan(tmp_path: Path) -> None:
    Receipts(tmp_path, "cell").begin("r1", GRANT, "Ada")  # and dies
    again = Receipts(tmp_path, "cell")
    assert PLAN.digest()[:12] in again.interrupted
    assert "arm_home" in again.interrupted


def test_a_run_that_died_idle_says_so(tmp_path: Path) -> None:
    log = Receipts(tmp_path, "cell")
    log.begin("r1", GRANT, "Ada")
    log.refused("r1", {"code": "permit_refused"})
    assert "no plan was running" in Receipts(tmp_path, "cell").interrupted


def test_a_run_that_was_cut_off_is_known_whatever_was_written_since(tmp_path: Path) -> None:
    log = Receipts(tmp_path, "cell")
    log.begin("r1", GRANT, "Ada")
    for _ in range(1100):
        log.note("somebody asks again and again")
    assert "while plan" in Receipts(tmp_path, "cell").interrupted
    assert "no plan was running" in Receipts(tmp_path, "cell").interrupted
