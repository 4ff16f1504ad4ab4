"""What Marlin says and is told: numbers, checksums, places."""

from __future__ import annotations

import pytest
from handrail_drivers.marlin import words
from hypothesis import given
from hypothesis import strategies as st


def test_a_checksum_is_that_of_the_protocols_own_example() -> None:
    """The line that RepRap's wiki gives for it."""
    assert words.numbered(3, "T0") == b"N3 T0*57\n"


COMMANDS = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="*"))


@given(st.integers(0, 2**31), COMMANDS)
def test_a_numbered_line_is_read_as_it_was_written(number: int, command: str) -> None:
    line = words.numbered(number, command).decode().rstrip("\n")
    assert words.unnumbered(line) == (number, command)


@given(st.integers(0, 10**6), COMMANDS, st.data())
def test_a_line_with_one_wrong_bit_is_never_another(
    number: int, command: str, data: st.DataObject
) -> None:
    line = words.numbered(number, command).rstrip(b"\n")
    at = data.draw(st.integers(0, len(line) - 1))
    bit = data.draw(st.integers(0, 6))
    broken = line[:at] + bytes([line[at] ^ 1 << bit]) + line[at + 1 :]
    assert words.unnumbered(broken.decode("latin-1")) in (None, (number, command))


@given(st.text())
def test_any_line_is_a_place_or_none(text: str) -> None:
    assert words.report_of(text) is None or text.startswith("X:")
    words.settings_of([text])
    words.limits_of([text])
    words.is_known(text)


@given(st.tuples(*[st.floats(-300, 300).map(lambda value: round(value, 2))] * 3))
def test_a_place_is_read_as_it_was_said(place: tuple[float, float, float]) -> None:
    x, y, z = place
    steps = [round(at * 80) for at in place]
    counted = "Count X:{} Y:{} Z:{}".format(*steps)
    report = words.report_of(f"X:{x:.2f} Y:{y:.2f} Z:{z:.2f} E:0.00 {counted}")
    assert report is not None
    assert report.position == pytest.approx([at / 1000 for at in place])
    assert list(report.steps) == steps


def test_older_machines_tell_their_ends_in_one_line() -> None:
    line = "echo:Soft endstops: On  Min:  X0.00 Y-5.00 Z0.00   Max:  X200.00 Y210.00 Z180.00"
    assert words.limits_of([line]) == {"X": (0.0, 0.2), "Y": (-0.005, 0.21), "Z": (0.0, 0.18)}
