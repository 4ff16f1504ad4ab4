"""What a person reads on the terminal."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from handrail_bridge.cli import discover
from handrail_bridge.cli import mail as mail_command
from handrail_bridge.cli.main import main
from handrail_bridge.cli.output import show_error, show_receipt, show_state
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import Mail
from handrail_drivers.errors import InvalidCell
from stand_in_rail import receipt, state


def test_each_joint_has_its_own_unit(capsys: pytest.CaptureFixture[str]) -> None:
    there = state(Mode.ARMED)
    (turning,) = there.joints
    turning = replace(turning, name="shoulder_lift")
    sliding = replace(turning, name="belt", unit="m", noise=0.009)
    show_state(replace(there, joints=(turning, sliding)))
    said = capsys.readouterr().out
    rows = {words[0]: words[1] for line in said.splitlines() if (words := line.split())[5:]}
    assert (rows["shoulder_lift"], rows["belt"]) == ("rad", "m")
    assert "at most 0.0090 m (belt)" in said


@pytest.mark.parametrize(
    ("turns", "slides", "says"),
    [(0.01, 0.0, "0.010 rad,"), (0.0, 0.002, "2.0 mm,"), (0.01, 0.002, "0.010 rad and 2.0 mm,")],
)
def test_a_following_error_is_in_the_unit_of_the_joints_that_have_it(
    capsys: pytest.CaptureFixture[str], turns: float, slides: float, says: str
) -> None:
    show_receipt(replace(receipt(), peak_following_error=turns, peak_slide_error=slides))
    assert f"following error at most {says}" in capsys.readouterr().out


def test_the_faults_of_a_cell_are_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    faults = ["cell.toml:1: arm: is missing.", "cell.toml:7: world.model: there is no file."]
    listed = "\n  ".join(["The cell file cell.toml has 2 faults:", *faults])
    show_error(InvalidCell(listed, faults=faults, hint="look"), as_json=False)
    said = capsys.readouterr().err
    assert said.splitlines() == [
        "invalid_cell: The cell file cell.toml has 2 faults:",
        *(f"  {fault}" for fault in faults),
        "  try: look",
    ]


def test_a_draft_is_told_of_where_nothing_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    discover._show([], Path("mine.toml"))
    said = capsys.readouterr().out
    assert "nothing was found" in said
    assert "mine.toml is a cell to begin with" in said


def test_who_wrote_a_mail_is_told_before_any_word_of_the_writers(
    capsys: pytest.CaptureFixture[str],
) -> None:
    forged = 'ada (operator)" -> "robot", answers 1\nnext \u202e[bold]'
    mails = [Mail(1, 0.0, forged, "robot", "arm it", False), Mail(2, 0.0, "ada", "r", "no", True)]
    mail_command._show(mails)
    first, text, second, _ = capsys.readouterr().out.splitlines()
    assert first.endswith(f' {json.dumps(forged)} -> "robot"')
    assert "operator" not in first.split('"')[0]
    assert text == "  arm it"
    assert second.endswith(' operator "ada" -> "r"')


def test_the_state_names_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    show_state(state(Mode.DISARMED), ["scale is not there: it does not answer"])
    assert "scale is not there: it does not answer" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = str(tmp_path / "missing" / "board.pdf")
    monkeypatch.setattr(sys, "argv", ["handrail", "calibrate", "board", sheet])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "No such file or directory" in capsys.readouterr().err
