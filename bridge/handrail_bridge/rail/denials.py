"""Executions that were refused before anything was written: they leave a note in the audit log."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator

from handrail_drivers.errors import HandrailError, LeaseRefused
from handrail_sim.plan import Plan

from handrail_bridge.rail.leases import Leases
from handrail_bridge.rail.notes import Notes

AGAIN = 1.0  # s between two notes about one holder: a flood must not fill the disk
HOLDERS = 4  # in that time: who takes a lease by another name each time is a flood, too
SHOWN = 40  # characters of a permit's id, of which ours have 32


class Denials:
    """Notes of what was refused, written behind the refusal's back: it is the same without them.

    They wait for the disk apart from the notes of stops, which they never keep out.
    """

    def __init__(self, notes: Notes, leases: Leases) -> None:
        self._notes, self._leases = notes, leases
        self._told: dict[str, float] = {}  # s, monotonic, by holder
        self._left_out = 0

    @contextlib.contextmanager
    def told(self, plan: Plan, permit_id: str, token: int) -> Iterator[None]:
        """Note what refuses an execution in the block, and let it pass on."""
        try:
            yield
        except HandrailError as error:
            self._add(
                self._holder(token), f"{_what(plan, permit_id)}: {error.code}, {error.message}"
            )
            raise

    async def close(self) -> None:
        """Wait until all is written, for some time."""
        await self._notes.close()

    def _add(self, holder: str, what: str) -> None:
        now = time.monotonic()
        self._told = {who: when for who, when in self._told.items() if now - when < AGAIN}
        if holder in self._told or len(self._told) >= HOLDERS:
            self._left_out += 1
            return
        self._told[holder] = now
        others = f" ({self._left_out} others before it are not here)" if self._left_out else ""
        self._left_out = 0
        who = json.dumps(holder) if holder else "one without a lease"
        self._notes.add(f"{who} may not execute {what}{others}")

    def _holder(self, token: int) -> str:
        try:
            return self._leases.holder(token)
        except LeaseRefused:
            return ""


def _what(plan: Plan, permit_id: str) -> str:
    return f"plan {plan.digest()[:12]} by permit {json.dumps(permit_id[:SHOWN])}"
