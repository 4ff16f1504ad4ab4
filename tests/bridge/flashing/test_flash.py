"""Flashing, with a programmer that is a script: what is tried, told and written down."""

from __future__ import annotations

import asyncio

import pytest
from flash_rig import AVR, flash, image, kept, log_of, silent
from handrail_bridge.firmware import flashing, writing
from handrail_bridge.firmware.asking import info
from handrail_bridge.firmware.boards import KINDS
from handrail_bridge.rail.audit import verify
from handrail_drivers.errors import BoardFault, InvalidRequest, Refused


def test_it_flashes_tells_how_far_it_is_and_hears_the_hello(board, avrdude, folders):
    asked = avrdude(good=115_200)
    told = []
    report = flash(board.path, image(folders, "one"), told)
    assert asked() == [
        f"-c arduino -p m328p -P {board.path} -b 115200 -D -U "
        f"flash:w:{folders}/state/handrail/firmware/images/{report.digest}.hex:i"
    ]
    assert report.info.report.application == "desk"
    assert report.baud == 115_200
    parts = [part for stage, part in told if stage == "writing"]
    assert parts[-1] == 1.0
    assert parts == sorted(parts)
    assert log_of(folders) == ["flash", "flashed"]
    assert verify(folders / "state/handrail/firmware/audit.db").body["digest"] == report.digest


def test_a_bootloader_that_is_slower_is_found(board, avrdude, folders):
    asked = avrdude(good=57_600)
    report = flash(board.path, image(folders, "one"))
    assert report.baud == 57_600
    assert ["-b 115200" in asked()[0], "-b 57600" in asked()[1]] == [True, True]


def test_a_programmer_that_fails_is_told_with_what_to_do_and_written_down(board, avrdude, folders):
    avrdude(good=9_600)
    with pytest.raises(BoardFault, match=r"avrdude failed: .* not in sync") as failed:
        flash(board.path, image(folders, "one"))
    assert "--previous" in failed.value.hint
    assert log_of(folders) == ["flash", "flash_failed"]
    assert kept().of("avr", board.path).now == ""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "it said nothing"),
        ("a: not responding\n\na done.  Thank you.\n", "a: not responding"),
        ("dfu-util 0.11\nCannot open DFU device\nLost device?\r\n", "Cannot open DFU device"),
        ("Writing | ####\nerror: verification\n\nThank you.", "error: verification"),
        ("Error: no device.\nshutdown command invoked", "Error: no device"),
    ],
)
def test_why_it_failed_is_the_line_that_says_so(said, why):
    assert writing.reason(said) == why


def test_one_without_a_bar_is_told_by_its_last_line(board, avrdude, folders):
    avrdude(good=115_200)
    script = folders / "bin/avrdude"
    script.write_text('#!/bin/sh\nprintf "stm32flash 0.5\\n\\rWrote 0x100 (1%%)\\r(9%%)"; exit 1\n')
    script.rename(script.with_name("stm32flash"))
    told = []
    with pytest.raises(BoardFault, match=r"stm32flash failed: \(9%\)"):
        flash(board.path, image(folders, "one"), told, kind=KINDS["stm32f405"])
    assert list(dict(told))[:2] == ["stm32flash 0.5", "wrote 0x100 (1%)"]


def test_a_programmer_that_says_nothing_is_ended(board, avrdude, folders, monkeypatch):
    avrdude(good=115_200)
    silent(folders)
    monkeypatch.setattr(writing, "LONGEST", 0.3)
    with pytest.raises(BoardFault, match="does not come to an end"):
        flash(board.path, image(folders, "one"))


def test_a_board_that_says_no_hello_afterwards_is_a_failure(board, avrdude, folders):
    avrdude(good=115_200)
    board.power_off()
    with pytest.raises(BoardFault, match="says no hello"):
        flash(board.path, image(folders, "one"), hello=1.0)
    assert log_of(folders) == ["flash", "flash_failed"]
    board.power_on()


def test_the_hello_is_waited_for_at_the_links_own_rate(board, avrdude, folders, monkeypatch):
    avrdude(good=115_200)
    seen = []
    monkeypatch.setattr(flashing, "info", lambda *asked: seen.append(asked) or info(*asked))
    what = image(folders, "one")
    work = flashing.flash(
        AVR, AVR.programmers["avrdude"], board.path, what, lambda *_: None, 20.0, 57_600
    )
    asyncio.run(work)
    assert seen == [(board.path, 57_600, 20.0)]


def test_a_missing_programmer_is_named_with_its_package(board, folders, monkeypatch):
    monkeypatch.setenv("PATH", str(folders))
    with pytest.raises(Refused, match="no avrdude") as refused:
        flash(board.path, image(folders, "one"))
    assert refused.value.hint == "apt-get install avrdude"


@pytest.mark.parametrize("data", [b"", b"x" * ((4 << 20) + 1)], ids=["empty", "huge"])
def test_what_is_no_image_is_refused(board, avrdude, folders, data):
    asked = avrdude(good=115_200)
    wrong = folders / "wrong.hex"
    wrong.write_bytes(data)
    with pytest.raises(InvalidRequest, match="no image"):
        flash(board.path, wrong)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        flash(board.path, folders / "missing.hex")
    assert asked() == []
