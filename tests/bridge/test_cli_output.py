"""What a person reads on the terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from handrail_bridge.cli.output import show_receipt, show_state
from handrail_bridge.loop.state import Mode
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
