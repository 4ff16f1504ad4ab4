"""Real machine code: an Uno on simavr, flashed by the real avrdude, then on our driver's line."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from avr_process import (
    BOOTLOADER,
    BUZZER,
    DISTANCE,
    GREEN,
    PUSHER,
    RED,
    STEP,
    STOP,
    YELLOW,
    AvrProcess,
)
from handrail_bridge.rail.audit import verify
from handrail_drivers.board.driver import Board
from handrail_drivers.board.settings import BoardSettings
from handrail_drivers.errors import BoardFault, Refused
from handrail_drivers.lasting_port import LastingPort
from handrail_drivers.serial_port import SerialPort
from virtual_board import FIRMWARE, another_app

READY = 60.0  # s: the chip may run slowly here, and its bootloader waits first
LAMP_AGE, MOVE_AGE = 2_000_000, 300_000  # us, of apps/desk.c
SLOWING = 500_000  # us that its turntable needs from its most speed to rest
HANG = """
#include "kinds.h"
static void hang(const hr_wiring *me, int32_t value) {
  (void)me;
  while (value != 0) {
    __asm__ volatile("");
  }
}
static const hr_row rows[] HR_FLASH = {
    HR_DIGITAL_OUT("lamp", "a lamp", 6, 0, 2000, HR_CHANNEL_EFFECT_CONFIGURE),
    {.info = {.kind = HR_CHANNEL_KIND_DIGITAL_OUT, .effect = HR_CHANNEL_EFFECT_CONFIGURE,
              .max_age = 1000, .high = 1, HR_PLAIN, .name = "hang", .unit = "1"},
     .wiring = {.write = hang}},
};
static hr_output outputs[2];
const hr_application hr_app = {
    .name = "hang", .rows = rows, .outputs = outputs, .count = 2, .stop_pin = HR_NO_PIN};
"""


def make(build: Path, *words: str) -> None:
    command = ["make", "-C", str(FIRMWARE), f"BUILD={build}", *words]
    subprocess.run(command, check=True, timeout=300, capture_output=True)


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("avr")
    make(folder, "emulator", f"{folder}/desk-avr.hex")
    another_app(folder)
    (folder / "hang.c").write_text(HANG)
    for name in ("other", "hang"):
        make(folder, f"APPS={folder}", f"APP={name}", f"{folder}/{name}-avr.hex")
    return folder


@pytest.fixture
def blank(images: Path) -> Iterator[AvrProcess]:
    """An Uno as it is bought: a bootloader and nothing else."""
    with AvrProcess(images / "avr_board", BOOTLOADER, images / "optiboot.hex") as process:
        yield process


@pytest.fixture
def flashed(images: Path) -> Iterator[AvrProcess]:
    """One that has the desk's image already, without a bootloader."""
    with AvrProcess(images / "avr_board", 0, images / "desk-avr.hex") as process:
        process.order(f"pin {STOP} 0")
        yield process


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path / "state" / "handrail" / "firmware"


def handrail(*words: str, check: bool = True) -> dict:
    """Run ``handrail firmware``; return its JSON."""
    command = [sys.executable, "-m", "handrail_bridge.cli.main", "firmware", *words, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    assert (done.returncode == 0) == check, done.stdout + done.stderr
    return json.loads(done.stdout)


def opened(port: str, **settings) -> Board:
    given = BoardSettings(port=port, timeout=1.0, wait=READY, **settings)
    device = Board("uno", given, LastingPort(port, lambda: SerialPort(port, given.baud)))
    device.connect()
    return device


def armed(process: AvrProcess, device: Board) -> None:
    """Arm it once its emergency stop counts as closed."""
    while True:
        try:
            device.arm()
            break
        except Refused:
            threading.Event().wait(0.02)


def names(report: dict) -> set[str]:
    return {channel["name"] for channel in report["info"]["channels"]}


def test_flashed_by_avrdude_it_answers_our_driver(blank, images, state):
    first = handrail("flash", "--port", blank.path, "--image", str(images / "desk-avr.hex"))
    assert first["programmer"] == "avrdude"
    assert first["exercised"] is True
    assert first["before"] == ""
    assert "lamp_green" in names(first)
    assert first["info"]["report"]["board"] == "atmega328p"

    blank.order(f"pin {STOP} 0")
    blank.order(f"analog {DISTANCE} 2500")
    device = opened(blank.path)
    try:
        assert device.wait_ready(READY)
        assert device.read(["distance"])["distance"] == pytest.approx(0.25, abs=2e-3)
        assert device.write("lamp_green", 1) == 1
        blank.await_change(GREEN, 1)
    finally:
        device.close()

    assert verify(state / "audit.db").event == "flashed"  # the receipts' chain is whole


@pytest.mark.long
def test_there_is_a_way_back(blank, images):
    first = handrail("flash", "--port", blank.path, "--image", str(images / "desk-avr.hex"))
    second = handrail("flash", "--port", blank.path, "--image", str(images / "other-avr.hex"))
    assert "lamp_blue" in names(second)
    assert second["before"] == first["digest"]
    back = handrail("flash", "--port", blank.path, "--previous")
    assert back["digest"] == first["digest"]
    assert "lamp_green" in names(back)


@pytest.mark.long
def test_a_flash_that_is_cut_short_leaves_a_board_that_can_be_flashed_again(blank, images, state):
    image = str(images / "desk-avr.hex")
    ours, terminal = os.openpty()  # the bar is for people
    command = [sys.executable, "-m", "handrail_bridge.cli.main", "firmware", "flash"]
    tool = subprocess.Popen(
        [*command, "--port", blank.path, "--image", image],
        stderr=terminal,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm", "TTY_COMPATIBLE": "1"},
    )
    os.close(terminal)
    with open(ours, "rb", buffering=0) as screen:
        said = b""
        while b"writing" not in said:
            said += screen.read(100)
        tool.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # the last who had the terminal is gone
            while more := screen.read(1000):
                said += more
    assert tool.wait(20) == 1
    assert b"avrdude was interrupted" in said
    assert verify(state / "audit.db").event == "flash_failed"
    failed = handrail("info", "--port", blank.path, "--wait", "3", check=False)
    assert failed["error"]["code"] == "board_silent"
    assert "flash" in failed["error"]["hint"]
    again = handrail("flash", "--port", blank.path, "--image", image)
    assert "lamp_green" in names(again)


@pytest.mark.long
def test_what_is_no_image_is_refused_and_the_board_stays_as_it_is(blank, images, tmp_path):
    handrail("flash", "--port", blank.path, "--image", str(images / "desk-avr.hex"))
    wrong = tmp_path / "wrong.hex"
    wrong.write_text("this is no Intel HEX\n")
    failed = handrail("flash", "--port", blank.path, "--image", str(wrong), check=False)
    assert failed["error"]["code"] == "board_fault"
    assert "--previous" in failed["error"]["hint"]
    said = handrail("info", "--port", blank.path)
    assert said["report"]["application"] == "desk"


def test_the_pusher_gets_its_pulses(flashed):
    device = opened(flashed.path)
    try:
        assert device.wait_ready(READY)
        armed(flashed, device)
        before = len(flashed.changes)
        device.write("pusher", 0.3)
        flashed.await_change(PUSHER, 1691, READY, within=4)
        widths = [one.value for one in flashed.changes[before:] if one.pin == PUSHER]
        assert len(widths) == 1, "the first pulse was of another length"
    finally:
        device.close()


HOLDER = """
import time
from handrail_drivers.board.driver import Board
from handrail_drivers.board.settings import BoardSettings
from handrail_drivers.errors import BoardFault, Refused
from handrail_drivers.serial_port import SerialPort
settings = BoardSettings(port={port!r}, timeout=1.0, wait=60.0)
device = Board("uno", settings, SerialPort({port!r}, 115200))
device.connect()
assert device.wait_ready(60)
while True:
    try:
        device.arm()
        break
    except Refused:
        time.sleep(0.02)
device.write("turntable", 30)
device.write("buzzer", 0.5)
device.write("lamp_green", 1)
device.write("lamp_yellow", 1)
device.write("lamp_red", 0)
device.write("pusher", 0.3)
print("held", flush=True)
time.sleep(100)
"""


def test_a_killed_host_leaves_every_output_safe_within_its_time_by_the_chips_own_clock(flashed):
    """Cycles of the emulated chip: how fast it runs here does not count."""
    keep = os.open(flashed.path, os.O_RDWR | os.O_NOCTTY)  # no reset when the host's end closes
    host = subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(port=flashed.path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert host.stdout.readline() == "held\n"
        for pin, value in ((GREEN, 1), (YELLOW, 1), (RED, 0)):
            flashed.await_change(pin, value, READY)
    finally:
        host.kill()
        host.wait(20)
        host.stdout.close()
    killed = int(flashed.order("clock 0")[1])
    safe = ((GREEN, 0), (YELLOW, 0), (RED, 1))
    lamps = [flashed.await_change(pin, level, READY) for pin, level in safe]
    pusher = flashed.await_change(PUSHER, 1000, READY, within=4)
    os.close(keep)
    turn = 5_000  # us, of the main loop at its worst
    assert all(one.time <= killed + LAMP_AGE + turn for one in lamps)
    red = [one.value for one in flashed.changes if one.pin == RED]
    assert red == [1, 0, 1], "it was dark at a reset"
    assert pusher.time <= killed + MOVE_AGE + turn + 40_000  # a pulse is seen at its end
    # By then the lamps' time has passed, and these two have had theirs.
    assert min(one.time for one in lamps) > killed + MOVE_AGE + SLOWING + turn
    buzzed, steps = ([one for one in flashed.changes if one.pin == pin] for pin in (BUZZER, STEP))
    assert buzzed[-1].time <= killed + MOVE_AGE + turn
    assert buzzed[-1].value == 0  # as soon as its port is written again, which simavr waits for
    assert steps[-1].time <= killed + MOVE_AGE + SLOWING + turn


def test_a_program_that_hangs_is_ended_by_the_watchdog_and_begins_safe(images):
    with AvrProcess(images / "avr_board", 0, images / "hang-avr.hex") as process:
        device = opened(process.path)
        try:
            assert device.wait_ready(READY)
            assert device.read_board().reset_cause == "external"
            device.write("lamp", 1)
            lit = process.await_change(GREEN, 1)
            # Asked again, a board that has begun anew by then does not know the session.
            with pytest.raises(BoardFault, match=r"does not answer|no_session"):
                device.write("hang", 1)
            dark = process.await_change(GREEN, 0, READY)
            assert dark.time - lit.time < LAMP_AGE + 1_000_000
            deadline = time.monotonic() + READY
            while True:
                assert time.monotonic() < deadline
                with contextlib.suppress(BoardFault):  # it is found again
                    if device.wait_ready(1.0) and device.read_board().reset_cause == "watchdog":
                        break
            assert device.read_board().held == []
        finally:
            device.close()
