"""The command is ended from outside: so is the programmer, and the log says it."""

from __future__ import annotations

import signal
import subprocess
import sys

import psutil
import pytest
from flash_rig import image, log_of, silent
from waiting import until

FLASH = "from handrail_bridge.cli.firmware import firmware; firmware()"


def is_gone(pid: int) -> bool:
    try:  # a zombie whose parent died waits for the first process to see to it
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(
    ("number", "log"),
    [
        (signal.SIGTERM, ["flash", "flash_failed"]),
        (signal.SIGHUP, ["flash", "flash_failed"]),
        (signal.SIGKILL, ["flash"]),
    ],
)
def test_whatever_ends_the_command_ends_its_programmer(board, avrdude, folders, number, log):
    avrdude(good=115_200)
    runs = silent(folders)
    what = str(image(folders, "one"))
    command = [sys.executable, "-c", FLASH, "flash", "--port", board.path, "--image", what]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        pid = int(until(lambda: runs.exists() and runs.read_text()))
        process.send_signal(number)
        assert process.wait(20) != 0
    finally:
        process.kill()
        process.wait(20)
    until(lambda: is_gone(pid))
    assert log_of(folders) == log
