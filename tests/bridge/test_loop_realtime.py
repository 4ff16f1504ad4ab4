"""What a loop's process asks of the machine, what it got, and what it says where it got less."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from handrail_bridge.loop import realtime
from handrail_bridge.loop.control import Control
from handrail_bridge.loop.link import LoopLink
from handrail_bridge.loop.realtime import FIFO_PRIORITY, become_realtime
from two_buses import configs


@pytest.fixture(scope="module")
def link() -> Iterator[LoopLink]:
    """The process of a loop on a bus without a wire, on one core."""
    core = max(os.sched_getaffinity(0))
    control = Control.create()
    link = LoopLink.start(configs(cpu=core)[0], control)
    link.await_ready()
    yield link
    link.kill()
    control.close()


def status(pid: int, key: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{key}:"))


def may(limit: str) -> bool:
    """Whether this machine allows us a realtime priority, or locked memory."""
    import resource

    return os.geteuid() == 0 or resource.getrlimit(getattr(resource, limit))[0] != 0


@pytest.mark.skipif(not may("RLIMIT_RTPRIO"), reason="no realtime priority here")
def test_it_runs_before_everything_else(link: LoopLink) -> None:
    assert os.sched_getscheduler(link.pid) & ~os.SCHED_RESET_ON_FORK == os.SCHED_FIFO
    assert os.sched_getparam(link.pid).sched_priority == FIFO_PRIORITY


@pytest.mark.skipif(os.geteuid() != 0, reason="locking all memory needs a right or a limit")
def test_its_memory_is_locked(link: LoopLink) -> None:
    locked = int(status(link.pid, "VmLck").split()[0])
    assert locked > 0.9 * int(status(link.pid, "VmRSS").split()[0])


def test_it_keeps_to_its_core(link: LoopLink) -> None:
    assert status(link.pid, "Cpus_allowed_list") == str(max(os.sched_getaffinity(0)))


class Refusing:
    """A C library on a machine that grants nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        """Load nothing."""

    def prctl(self, *_: int) -> int:
        return -1

    def mlockall(self, _: int) -> int:
        ctypes.set_errno(1)
        return -1


def test_what_the_machine_refuses_is_said_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(realtime.ctypes, "CDLL", Refusing)
    monkeypatch.setattr(realtime.os, "sched_setscheduler", refuse)
    monkeypatch.setattr(realtime.os, "sched_setaffinity", refuse)
    try:
        with caplog.at_level(logging.WARNING):
            granted = become_realtime(cpu=3)
    finally:
        gc.enable()
        gc.unfreeze()
    assert granted == "no SCHED_FIFO; memory is not locked; not on core 3"
    assert "no SCHED_FIFO here" in caplog.text
    assert "memory is not locked (Operation not permitted)" in caplog.text
    assert "core 3 cannot be had (Operation not permitted)" in caplog.text
