"""What a bridge writes into the audit log: what was asked, permitted, done and measured.

What cannot be written may not move. A run that did not close the log was interrupted; the next
run finds out in which plan.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, ParamSpec

from handrail_sim.plan import as_json

from handrail_bridge.rail.audit import AuditLog
from handrail_bridge.rail.grants import CallGrant, Grant, ToolCall
from handrail_bridge.reports import Decision, Receipt

P = ParamSpec("P")


class Receipts:
    """The acts of one run of a bridge, in the audit log in ``folder``."""

    def __init__(self, folder: Path, cell_digest: str) -> None:
        self._cell_digest = cell_digest
        self._log = AuditLog(folder)
        self._thread = ThreadPoolExecutor(1, "receipts")  # clients' calls do not keep it waiting
        self.path = self._log.path
        self.interrupted = _interruption(self._log)
        self._log.append("start", pid=os.getpid(), cell_digest=cell_digest)

    async def written(self, write: Callable[P, None], *what: P.args, **more: P.kwargs) -> None:
        """Have one of the methods below write, off the event loop, and wait until it has.

        Raises:
            Refused: it cannot be written.
        """
        act = functools.partial(write, *what, **more)
        await asyncio.get_running_loop().run_in_executor(self._thread, act)

    def begin(self, receipt_id: str, grant: Grant, holder: str) -> None:
        """Write what is about to move, by whose lease, and what its check found.

        Raises:
            Refused: it cannot be written.
        """
        verdict, found = grant.verdict, grant.verdict.robustness
        policy = verdict.trajectory.policy if verdict.trajectory else None
        self._log.append(
            "execute",
            id=receipt_id,
            plan=as_json(grant.plan),
            plan_digest=verdict.plan_digest,
            permit_id=grant.id,
            trajectory_digest=grant.trajectory_digest,
            cell_digest=self._cell_digest,
            worlds=f"{found.passed} of {found.worlds}" if found else "",
            clearance=verdict.clearance,
            policy=asdict(policy) if policy else None,
            holder=holder,
            approver=grant.approver,
        )

    def end(self, receipt: Receipt) -> None:
        """Write what became of it. Raises Refused where that cannot be written."""
        self._log.append("receipt", **asdict(receipt))

    def refused(self, receipt_id: str, detail: dict[str, Any]) -> None:
        """Write that nothing moved after all."""
        self._log.append("refused", id=receipt_id, error=detail)

    def asked(self, plan_digest: str, asks: Sequence[str], approver: str) -> None:
        """Write that a plan needs a person. Raises Refused where that cannot be written."""
        self._log.append("asked", plan_digest=plan_digest, asks=list(asks), approver=approver)

    def asked_for_call(self, call: ToolCall, approver: str) -> None:
        """Write that a call needs a person. Raises Refused where that cannot be written."""
        self._log.append("asked", **_told(call), approver=approver)

    def calling(self, grant: CallGrant) -> None:
        """Write what call is about to be made, by whose word.

        Raises:
            Refused: it cannot be written.
        """
        told = _told(grant.call)
        self._log.append("call", permit_id=grant.id, **told, approver=grant.approver)

    def called(self, permit_id: str, error: dict[str, Any] | None) -> None:
        """Write what became of a call: nothing went wrong, or what did."""
        self._log.append("called", permit_id=permit_id, error=error)

    def decided(self, decision: Decision) -> None:
        """Write what a person says. Raises Refused where that cannot be written."""
        self._log.append("decided", **asdict(decision))

    def undecided(self, decision: Decision, detail: dict[str, Any]) -> None:
        """Write that what a person said came too late to count."""
        self._log.append("undecided", number=decision.number, error=detail)

    def note(self, what: str) -> None:
        """Write an act of the operator, or a stop."""
        self._log.append("note", what=what)

    def close(self) -> None:
        """Write the clean end of this run, after all that waits to be written."""
        self._thread.shutdown()
        try:
            self._log.append("close")
        finally:
            self._log.close()


def _told(call: ToolCall) -> dict[str, str]:
    return {"tool": call.tool.name, "arguments": call.arguments, "call_digest": call.digest()}


def _interruption(log: AuditLog) -> str:
    """Return why the last run counts as interrupted; empty where it was closed, or none was."""
    if not (last := log.entries(1)) or last[0].event == "close":
        return ""
    running = log.newest("execute", "start", "receipt", "refused")
    if running is None or running.event != "execute":
        return "The previous bridge ended without closing; no plan was running."
    steps = ", ".join(step["tool"] for step in running.body["plan"]["steps"])
    return (
        f"The previous bridge died while plan {running.body['plan_digest'][:12]} ({steps}) was "
        "running; look at the arm before you arm it."
    )
