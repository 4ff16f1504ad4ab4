"""The log of what was asked, permitted, done and measured: append-only JSON lines.

Every line is on the disk (fsync) before the bridge goes on. What cannot be written may not
move. A run that did not close the log was interrupted; the next run finds out in which plan.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from handrail_drivers.errors import Refused
from handrail_sim.plan import Plan, as_json

from handrail_bridge.reports import Receipt

NAME = "receipts.jsonl"
TAIL = 1 << 20  # bytes read back at start: far more than one run's last plan


class Receipts:
    """The log of one cell, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            self.interrupted = _interruption(self.path)
            self._file = os.open(self.path, flags, 0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        self._torn = True  # until a whole line has been written, the last one may lack its end
        self._append("start", pid=os.getpid())

    def begin(self, receipt_id: str, plan: Plan, permit_id: str) -> None:
        """Write that a plan is about to move. Raises Refused where that cannot be written."""
        self._append(
            "execute",
            id=receipt_id,
            plan=as_json(plan),
            plan_digest=plan.digest(),
            permit_id=permit_id,
        )

    def end(self, receipt: Receipt) -> None:
        """Write what became of it. Raises Refused where that cannot be written."""
        self._append("receipt", **asdict(receipt))

    def refused(self, receipt_id: str, detail: dict[str, Any]) -> None:
        """Write that nothing moved after all."""
        self._append("refused", id=receipt_id, error=detail)

    def note(self, what: str) -> None:
        """Write an act of the operator, or a stop."""
        self._append("note", what=what)

    def close(self) -> None:
        """Write the clean end of this run."""
        try:
            self._append("close")
        finally:
            os.close(self._file)

    def _append(self, event: str, **parts: Any) -> None:
        line = json.dumps({"event": event, "time": time.time(), **parts})
        data = (("\n" if self._torn else "") + line + "\n").encode()
        self._torn = True
        try:
            if os.write(self._file, data) != len(data):
                raise OSError("short write")
            os.fsync(self._file)
        except OSError as error:
            raise self._unwritable(error) from error
        self._torn = False

    def _unwritable(self, error: OSError) -> Refused:
        return Refused(
            f"The receipt cannot be written to {self.path} ({error}); "
            "nothing moves that leaves no record.",
            field="receipts",
            hint="make room on the disk, or make the folder writable, and restart",
        )


def _interruption(path: Path) -> str:
    """Return why the last run counts as interrupted; empty where it was closed, or none was."""
    events = _last_run(path)
    if not events or events[-1]["event"] == "close":
        return ""
    running: dict[str, Any] | None = None
    for event in events:
        if event["event"] == "execute":
            running = event
        elif event["event"] in ("receipt", "refused"):
            running = None
    if running is None:
        return "The previous bridge ended without closing; no plan was running."
    steps = ", ".join(step["tool"] for step in running["plan"]["steps"])
    return (
        f"The previous bridge died while plan {running['plan_digest'][:12]} ({steps}) was running; "
        "look at the arm before you arm it."
    )


def _last_run(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL))
            lines = file.read(TAIL).splitlines()
    except FileNotFoundError:
        return []
    events = [event for line in lines if (event := _parse(line))]
    starts = [index for index, event in enumerate(events) if event["event"] == "start"]
    return events[starts[-1] :] if starts else events


def _parse(line: bytes) -> dict[str, Any] | None:
    """A torn last line is what a crash leaves; it says nothing."""
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        return None
    return event
