"""Flashing with a programmer that is a script, past a bridge that is none."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from types import SimpleNamespace

from handrail_bridge import run_dir
from handrail_bridge.firmware import flashing, guard
from handrail_bridge.firmware.boards import KINDS, programmer
from handrail_bridge.firmware.images import Images
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import HandrailError, LeaseRefused

AVR = KINDS["avr"]
SCRIPT = """#!/bin/sh
echo "$@" >> {log}
trap 'printf "\\navrdude done.  Thank you.\\n" >&2' EXIT
case "$*" in *"-b {good} "*) ;; *) echo "avrdude: stk500_getsync(): not in sync" >&2; exit 1;; esac
printf 'Writing | ' >&2
for n in 1 2 3 4 5 6 7 8 9 10; do printf '#####' >&2; done
printf ' | 100%%\\n' >&2
"""


def image(folder: Path, text: str) -> Path:
    path = folder / f"{text}.hex"
    path.write_text(text)
    return path


async def flashed(port: str, what: Path, tell=lambda *_: None, hello: float = 20.0, kind=AVR):
    return await flashing.flash(kind, programmer(kind, ""), port, what, tell, hello)


def flash(port: str, what: Path, told=None, hello: float = 20.0, kind=AVR):
    tell = (lambda *both: told.append(both)) if told is not None else (lambda *_: None)
    return asyncio.run(flashed(port, what, tell, hello, kind))


def log_of(folder: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(folder / "state/handrail/firmware/audit.db")) as base:
        return [event for (event,) in base.execute("SELECT event FROM entries ORDER BY number")]


def kept() -> Images:
    return Images(run_dir.state_dir(flashing.LOG))


def silent(folder: Path) -> Path:
    """Have the programmer say nothing for long; return the file where its process's number is."""
    script = folder / "bin/avrdude"
    script.write_text('#!/bin/sh\necho $$ >> "$0.pid"\nexec sleep 60\n')
    return folder / "bin/avrdude.pid"


class RunningBridge:
    """A client of a bridge, as the guard sees one."""

    def __init__(self, monkeypatch, mode: Mode, held: bool = False, moving: bool = False) -> None:
        self._mode = mode
        self._held = held
        self._moving = moving
        self.leased = False
        bridge = SimpleNamespace(address="x", cell="c")
        monkeypatch.setattr(run_dir, "all_running", lambda: [bridge])
        monkeypatch.setattr(guard.Client, "connect", lambda _address: self)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    async def state(self):
        assert self.leased, "somebody may begin to move after this look"
        joint = SimpleNamespace(name="elbow", moving=self._moving)
        return SimpleNamespace(mode=self._mode, joints=(joint,))

    @contextlib.asynccontextmanager
    async def lease(self, _holder, on_lost):
        if self._held:
            raise LeaseRefused("somebody moves")
        self.leased, self._on_lost = True, on_lost
        try:
            yield
        finally:
            self.leased = False

    def revoke(self) -> None:
        self.leased = False
        self._on_lost(HandrailError("It was revoked."))
