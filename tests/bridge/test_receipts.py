"""The log: on the disk before anything moves, and honest about the run before."""

import json
import os
import resource
from pathlib import Path

import pytest
from handrail_bridge.receipts import Receipts
from handrail_bridge.reports import Receipt
from handrail_drivers.errors import Refused
from handrail_sim.plan import Plan

PLAN = Plan.model_validate({"steps": [{"tool": "arm_home"}]})


def receipt(receipt_id: str) -> Receipt:
    return Receipt(
        receipt_id, PLAN.digest(), "p", True, "", "", 1.0, 0.01, (), {"elbow_flex": 0.1}, ()
    )


def lines(folder: Path) -> list[dict]:
    text = (folder / "receipts.jsonl").read_text()
    return [json.loads(line) for line in text.split("\n") if line]


def test_what_happens_is_appended_in_order(tmp_path: Path) -> None:
    for _ in range(2):
        log = Receipts(tmp_path)
        log.begin("r1", PLAN, "p")
        log.end(receipt("r1"))
        log.close()
    events = [line["event"] for line in lines(tmp_path)]
    assert events == ["start", "execute", "receipt", "close"] * 2
    assert lines(tmp_path)[2]["end_position"] == {"elbow_flex": 0.1}


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


def test_a_torn_last_line_is_survived(tmp_path: Path) -> None:
    Receipts(tmp_path).begin("r1", PLAN, "p")
    with (tmp_path / "receipts.jsonl").open("a") as file:
        file.write('{"event": "rec')
    assert PLAN.digest()[:12] in Receipts(tmp_path).interrupted
    assert "no plan was running" in Receipts(tmp_path).interrupted


def test_a_write_cut_short_refuses_and_spoils_no_later_line(tmp_path: Path) -> None:
    log = Receipts(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    room = log.path.stat().st_size + 20
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(Refused, match="short write"):
            log.begin("r1", PLAN, "p")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    log.note("room again")
    assert json.loads(log.path.read_text().splitlines()[-1])["what"] == "room again"


def test_a_full_disk_refuses_before_anything_moves(tmp_path: Path) -> None:
    (tmp_path / "receipts.jsonl").symlink_to("/dev/full")
    with pytest.raises(Refused, match="cannot be written"):
        Receipts(tmp_path)


def test_a_disk_that_fills_up_refuses_the_next_plan(tmp_path: Path) -> None:
    log = Receipts(tmp_path)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, log._file)
    with pytest.raises(Refused, match="No space left"):
        log.begin("r1", PLAN, "p")
    with pytest.raises(Refused):
        log.close()
    os.close(full)


def test_an_unwritable_folder_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be written"):
        Receipts(tmp_path / "missing")
