"""The log: on the disk before anything moves, and honest about the run before."""

from pathlib import Path

from handrail_bridge.audit import NAME, Entry, read
from handrail_bridge.receipts import Receipts
from handrail_bridge.reports import Receipt
from handrail_sim.plan import Plan

PLAN = Plan.model_validate({"steps": [{"tool": "arm_home"}]})


def receipt(receipt_id: str) -> Receipt:
    return Receipt(
        receipt_id, PLAN.digest(), "p", True, "", "", 1.0, 0.01, (), {"elbow_flex": 0.1}, ()
    )


def events(folder: Path) -> list[Entry]:
    return read(folder / NAME, 100)


def test_what_happens_is_appended_in_order(tmp_path: Path) -> None:
    for _ in range(2):
        log = Receipts(tmp_path)
        log.begin("r1", PLAN, "p")
        log.end(receipt("r1"))
        log.close()
    entries = events(tmp_path)
    assert [entry.event for entry in entries] == ["start", "execute", "receipt", "close"] * 2
    assert entries[2].body["end_position"] == {"elbow_flex": 0.1}


def test_a_closed_run_and_a_first_run_were_not_interrupted(tmp_path: Path) -> None:
    log = Receipts(tmp_path)
    assert log.interrupted == ""
    log.close()
    assert Receipts(tmp_path).interrupted == ""


def test_a_run_that_died_names_its_plan(tmp_path: Path) -> None:
    Receipts(tmp_path).begin("r1", PLAN, "p")  # and dies
    again = Receipts(tmp_path)
    assert PLAN.digest()[:12] in again.interrupted
    assert "arm_home" in again.interrupted


def test_a_run_that_died_idle_says_so(tmp_path: Path) -> None:
    log = Receipts(tmp_path)
    log.begin("r1", PLAN, "p")
    log.refused("r1", {"code": "permit_refused"})
    assert "no plan was running" in Receipts(tmp_path).interrupted
