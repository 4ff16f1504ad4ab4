"""What keeps everything still, and everybody away, while a board is flashed."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from flash_rig import RunningBridge, flash, flashed, image, log_of, silent
from handrail_bridge.firmware.images import Images
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import BoardFault, BusLost, LeaseRefused, Refused
from handrail_drivers.serial_port import SerialPort
from waiting import until_async


@pytest.mark.parametrize(
    ("seen", "error"),
    [
        ({"mode": Mode.MOVING}, Refused),
        ({"mode": Mode.STOPPING}, Refused),
        ({"mode": Mode.FAULT, "moving": True}, Refused),  # another bus stops, or a joint falls
        ({"mode": Mode.ARMED, "held": True}, LeaseRefused),
    ],
)
def test_while_anything_moves_or_may_nothing_is_flashed(
    board, avrdude, folders, monkeypatch, seen, error
):
    asked = avrdude(good=115_200)
    bridge = RunningBridge(monkeypatch, **seen)
    with pytest.raises(error):
        flash(board.path, image(folders, "one"))
    assert asked() == []
    assert log_of(folders) == []
    assert not bridge.leased


def test_it_holds_the_right_to_move_while_it_flashes(board, avrdude, folders, monkeypatch):
    avrdude(good=115_200)
    bridge = RunningBridge(monkeypatch, Mode.ARMED)
    seen = []
    what = image(folders, "one")
    asyncio.run(flashed(board.path, what, lambda *_: seen.append(bridge.leased)))
    assert seen
    assert all(seen)
    assert not bridge.leased


async def while_it_writes(board, folders, act) -> None:
    """Flash with a programmer that takes long, and act once it runs."""
    runs = silent(folders)
    flashes = asyncio.create_task(flashed(board.path, image(folders, "one")))
    await until_async(runs.exists)
    try:
        act(flashes)
    finally:
        with contextlib.suppress(asyncio.CancelledError):
            await flashes


def test_one_that_is_interrupted_writes_no_more_before_anybody_may_move(
    board, avrdude, folders, monkeypatch
):
    avrdude(good=115_200)
    bridge = RunningBridge(monkeypatch, Mode.ARMED)
    with pytest.raises(BoardFault, match="interrupted") as failed:
        asyncio.run(while_it_writes(board, folders, asyncio.Task.cancel))
    assert failed.value.hint
    asked = (folders / "bin/avrdude.pid").read_text().splitlines()
    assert len(asked) == 1, "it went on at another rate"
    assert not bridge.leased
    assert log_of(folders) == ["flash", "flash_failed"]


def test_once_the_right_to_move_is_lost_it_writes_no_more(board, avrdude, folders, monkeypatch):
    avrdude(good=115_200)
    bridge = RunningBridge(monkeypatch, Mode.ARMED)
    with pytest.raises(BoardFault, match=r"right to move was lost \(It was revoked"):
        asyncio.run(while_it_writes(board, folders, lambda _: bridge.revoke()))
    assert log_of(folders) == ["flash", "flash_failed"]


def test_a_port_that_is_not_there_or_held_is_refused_before_anything_is_tried(
    board, avrdude, folders
):
    asked = avrdude(good=115_200)
    with pytest.raises(BusLost, match="There is no port"):
        flash("/dev/ttyNONE", image(folders, "one"))
    held = SerialPort(board.path, 115_200)
    try:
        with pytest.raises(BusLost, match="held by another process"):
            flash(board.path, image(folders, "one"))
    finally:
        held.close()
    assert asked() == []


WAITS = """#!/bin/sh
: < "$6"
printf 'Writing | ##'
until [ -e "$0.go" ]; do sleep 0.02; done
"""


def test_meanwhile_the_port_is_the_programmers_and_no_bridge_opens_it(board, avrdude, folders):
    avrdude(good=115_200)
    (folders / "bin/avrdude").write_text(WAITS)

    def tell(stage, _part) -> None:
        if stage == "writing":
            with pytest.raises(BusLost, match="held by another process"):
                SerialPort(board.path, 115_200)
            (folders / "bin/avrdude.go").touch()

    asyncio.run(flashed(board.path, image(folders, "one"), tell))


def test_a_bridge_that_was_faster_keeps_the_port(board, avrdude, folders, monkeypatch):
    asked = avrdude(good=115_200)
    held = []
    begins = Images.begins

    def late(*which) -> None:
        held.append(SerialPort(board.path, 115_200))
        begins(*which)

    monkeypatch.setattr(Images, "begins", late)
    with pytest.raises(BoardFault, match=r"The port .* is held by another process"):
        flash(board.path, image(folders, "one"))
    held[0].close()
    assert asked() == []
