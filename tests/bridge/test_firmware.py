"""Flashing, with a programmer that is a script: what is tried, kept, written down and refused."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import stat
from pathlib import Path

import pytest
from board_process import BoardProcess
from handrail_bridge import run_dir
from handrail_bridge.firmware import flashing
from handrail_bridge.firmware.boards import KINDS, programmer
from handrail_bridge.firmware.images import Images
from handrail_bridge.loop.state import Mode
from handrail_bridge.rail.audit import verify
from handrail_drivers.errors import (
    BoardFault,
    BusLost,
    InvalidRequest,
    LeaseRefused,
    Refused,
)
from handrail_drivers.serial_port import SerialPort
from virtual_board import compiled
from waiting import until_async

AVR = KINDS["avr"]
SCRIPT = """#!/bin/sh
echo "$@" >> {log}
case "$*" in *"-b {good} "*) ;; *) echo "avrdude: stk500_getsync(): not in sync" >&2; exit 1;; esac
printf 'Writing | ' >&2
for n in 1 2 3 4 5 6 7 8 9 10; do printf '#####' >&2; done
printf ' | 100%%\\n' >&2
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    return compiled(tmp_path_factory.mktemp("board") / "board", "-O1")


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path


@pytest.fixture
def board(program):
    with BoardProcess(program) as process:
        yield process


@pytest.fixture
def avrdude(tmp_path, monkeypatch):
    """Put a programmer on the path that works at one rate alone; return what it was told."""
    log = tmp_path / "avrdude.log"

    def put(good: int):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / "avrdude"
        script.write_text(SCRIPT.format(log=log, good=good))
        script.chmod(stat.S_IRWXU)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return lambda: log.read_text().splitlines() if log.exists() else []

    return put


def image(folder: Path, text: str) -> Path:
    path = folder / f"{text}.hex"
    path.write_text(text)
    return path


def flash(port: str, what: Path, told=None, hello: float = 20.0):
    tell = told.append if told is not None else (lambda _: None)
    return asyncio.run(
        flashing.flash(
            AVR, programmer(AVR, ""), port, what, lambda stage, part: tell((stage, part)), hello
        )
    )


def log_of(folder: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(folder / "state/handrail/firmware/audit.db")) as base:
        return [event for (event,) in base.execute("SELECT event FROM entries ORDER BY number")]


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


def test_the_image_of_before_is_kept_and_leads_back(board, avrdude, folders):
    avrdude(good=115_200)
    first = flash(board.path, image(folders, "one"))
    second = flash(board.path, image(folders, "two"))
    assert (first.before, second.before) == ("", first.digest)
    images = Images(run_dir.state_dir(flashing.LOG))
    back = images.path(images.of(board.path).before)
    assert back.read_text() == "one"
    third = flash(board.path, back)
    assert (third.digest, third.before) == (first.digest, second.digest)
    again = flash(board.path, back)
    assert again.before == second.digest  # the same again is no new before


def test_without_an_image_of_before_there_is_no_way_back(folders):
    images = Images(run_dir.state_dir(flashing.LOG))
    with pytest.raises(Refused, match="No image of before"):
        images.path(images.of("/dev/ttyUSB0").before)


def test_a_programmer_that_fails_is_told_with_what_to_do_and_written_down(board, avrdude, folders):
    avrdude(good=9_600)
    with pytest.raises(BoardFault, match="not in sync") as failed:
        flash(board.path, image(folders, "one"))
    assert "--previous" in failed.value.hint
    assert log_of(folders) == ["flash", "flash_failed"]
    assert Images(run_dir.state_dir(flashing.LOG)).of(board.path).now == ""


def test_after_a_write_that_failed_the_way_back_leads_to_what_was_there(board, avrdude, folders):
    avrdude(good=115_200)
    flash(board.path, image(folders, "one"))
    flash(board.path, image(folders, "two"))
    avrdude(good=9_600)
    for _ in range(2):
        with pytest.raises(BoardFault):
            flash(board.path, image(folders, "three"))
    images = Images(run_dir.state_dir(flashing.LOG))
    back = images.path(images.of(board.path).before)
    assert back.read_text() == "two"
    avrdude(good=115_200)
    assert flash(board.path, back).before == ""  # what three left is no image


def silent(folders: Path) -> None:
    script = folders / "bin/avrdude"
    script.write_text('#!/bin/sh\necho "$@" >> "$0.log"\nexec sleep 60\n')


def test_a_programmer_that_says_nothing_is_ended(board, avrdude, folders, monkeypatch):
    avrdude(good=115_200)
    silent(folders)
    monkeypatch.setattr(flashing, "LONGEST", 0.3)
    with pytest.raises(BoardFault, match="does not come to an end"):
        flash(board.path, image(folders, "one"))


def test_one_that_is_interrupted_writes_no_more_before_anybody_may_move(
    board, avrdude, folders, monkeypatch
):
    avrdude(good=115_200)
    silent(folders)
    bridge = RunningBridge(Mode.ARMED, held=False)
    _bridges(monkeypatch, bridge)
    asked = folders / "bin/avrdude.log"

    async def interrupted() -> None:
        what = image(folders, "one")
        work = flashing.flash(AVR, programmer(AVR, ""), board.path, what, lambda *_: None, 20.0)
        flashes = asyncio.create_task(work)
        await until_async(asked.exists, 20)
        flashes.cancel()
        await flashes

    with pytest.raises(BoardFault, match="interrupted") as failed:
        asyncio.run(interrupted())
    assert failed.value.hint
    assert len(asked.read_text().splitlines()) == 1, "it went on at another rate"
    assert not bridge.leased
    assert log_of(folders) == ["flash", "flash_failed"]


def test_a_board_that_says_no_hello_afterwards_is_a_failure(board, avrdude, folders):
    avrdude(good=115_200)
    board.power_off()
    with pytest.raises(BoardFault, match="says no hello"):
        flash(board.path, image(folders, "one"), hello=1.0)
    assert log_of(folders) == ["flash", "flash_failed"]
    board.power_on()


def test_a_missing_programmer_is_named_with_its_package(board, folders, monkeypatch):
    monkeypatch.setenv("PATH", str(folders))
    with pytest.raises(Refused, match="no avrdude") as refused:
        flash(board.path, image(folders, "one"))
    assert refused.value.hint == "apt-get install avrdude"


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


class RunningBridge:
    """A client of a bridge, as the guard sees one."""

    def __init__(self, mode: Mode, held: bool) -> None:
        self._mode = mode
        self._held = held
        self.leased = False

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    async def state(self):
        return type("State", (), {"mode": self._mode})()

    @contextlib.asynccontextmanager
    async def lease(self, _holder):
        if self._held:
            raise LeaseRefused("somebody moves")
        self.leased = True
        try:
            yield
        finally:
            self.leased = False


@pytest.mark.parametrize(
    ("mode", "held", "error"),
    [
        (Mode.MOVING, False, Refused),
        (Mode.STOPPING, False, Refused),
        (Mode.ARMED, True, LeaseRefused),
    ],
)
def test_while_anything_moves_or_may_nothing_is_flashed(
    board, avrdude, folders, monkeypatch, mode, held, error
):
    asked = avrdude(good=115_200)
    _bridges(monkeypatch, RunningBridge(mode, held))
    with pytest.raises(error):
        flash(board.path, image(folders, "one"))
    assert asked() == []
    assert log_of(folders) == []


def test_it_holds_the_right_to_move_while_it_flashes(board, avrdude, folders, monkeypatch):
    avrdude(good=115_200)
    bridge = RunningBridge(Mode.ARMED, held=False)
    _bridges(monkeypatch, bridge)
    seen = []
    what = image(folders, "one")
    asyncio.run(
        flashing.flash(
            AVR, programmer(AVR, ""), board.path, what, lambda *_: seen.append(bridge.leased), 20.0
        )
    )
    assert seen
    assert all(seen)
    assert not bridge.leased


def _bridges(monkeypatch, bridge: RunningBridge) -> None:
    monkeypatch.setattr(
        run_dir, "all_running", lambda: [type("Bridge", (), {"address": "x", "cell": "c"})]
    )
    monkeypatch.setattr(flashing.Client, "connect", lambda _address: bridge)
