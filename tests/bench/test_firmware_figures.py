"""The figures of ``bench firmware``: what they are held against, and that they can be measured."""

from __future__ import annotations

import contextlib

import pytest
from handrail_bridge.bench import run
from handrail_bridge.bench.firmware import commands
from handrail_bridge.bench.firmware import run as bench
from handrail_bridge.bench.firmware.commands import ANSWER, DRIVER, ECHO, QUESTION, TOOL
from handrail_bridge.bench.firmware.samples import Sustained
from handrail_bridge.rail.audit import read
from handrail_bridge.rail.receipts import Receipts
from handrail_drivers.board.settings import BoardSettings
from virtual_board import FIRMWARE


def rows(ours: float, bare: float):
    times = {TOOL: [ours] * 10, DRIVER: [bare] * 10, ECHO: [bare] * 10}
    return {row.figure: row for row in bench._command_rows([times, times])}


@pytest.mark.parametrize(("ours", "held"), [(3.3e-3, True), (3.6e-3, False)])
def test_a_command_is_held_against_the_echo_of_the_same_round(ours, held):
    found = rows(ours, 3.0e-3)
    figure = f"command to acknowledgement by {TOOL} / {ECHO}, p50"
    assert found[figure].held is held
    assert found[figure].ratio == pytest.approx(ours / 3.0e-3)
    assert found[figure].unit == "us"


@pytest.mark.parametrize(("share", "held"), [(0.77, True), (0.4, False)])
def test_samples_are_held_against_the_line_beside_what_the_chip_can_do(
    monkeypatch, tmp_path, share, held
):
    monkeypatch.setattr(
        bench, "sustained", lambda _h, _i, baud, *_: Sustained(share * baud / 20, baud)
    )
    monkeypatch.setattr(bench, "flooded", lambda _h, _i, baud, _s: Sustained(0.8 * baud / 20, baud))
    found = list(bench._sample_rows(tmp_path, 1.0))
    assert [row.held for row in found if row.goal] == [held, held]
    assert [row.ratio for row in found] == pytest.approx([share / 0.8] * 4)
    assert [row.reference for row in found if row.goal] == pytest.approx([0.8, 0.8])


@pytest.mark.parametrize("rate", [rate for rates in bench.RATES.values() for rate in rates])
def test_a_rate_that_is_measured_can_be_asked_for(rate):
    assert BoardSettings(port="/dev/ttyACM0", streams={"emergency_stop": rate}).streams


def test_the_echo_has_as_many_octets_as_a_command_and_its_acknowledgement():
    source = (FIRMWARE / "emulators" / "echo.c").read_text()
    assert f"#define COMMAND {QUESTION}u" in source
    assert f"#define ACKNOWLEDGEMENT {ANSWER}u" in source


async def test_the_tools_road_goes_through_the_audit_log(tmp_path):
    with contextlib.closing(Receipts(tmp_path, "")) as receipts:
        async with commands.configuring(receipts, "uno_set_lamp_green"):
            (entry,) = read(receipts.path, 1)
            assert (entry.event, entry.body) == ("note", {"what": "uno_set_lamp_green"})


@pytest.mark.long
def test_it_can_be_measured():
    report = run("firmware", quick=True)
    assert len(report.rows) == 8
    assert all(row.value >= 0 for row in report.rows)
    assert "command to acknowledgement" in report.markdown
    shares = {row.figure: row.value for row in report.rows if row.unit == "1"}
    assert shares[f"share of the line / {bench.BARE}, 1000000 bit/s"] >= 0.2
