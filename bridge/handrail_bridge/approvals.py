"""What waits for a person, and what the person says."""

from __future__ import annotations

import asyncio
import time

from handrail_drivers.errors import HandrailError, NotPermittedRole
from handrail_sim.cell import Cell

from handrail_bridge import cards
from handrail_bridge.permits import Permits
from handrail_bridge.receipts import Receipts
from handrail_bridge.reports import ELICITATION, OPERATOR, Card, Decision, Permit
from handrail_bridge.situation import Situation

WATCH = 0.02  # s between two looks


class Approvals:
    """The permits of one rail that need a person's word."""

    def __init__(
        self, cell: Cell, situation: Situation, permits: Permits, receipts: Receipts
    ) -> None:
        self._cell = cell
        self._situation = situation
        self._permits = permits
        self._receipts = receipts

    async def wait(self, permit_id: str) -> Permit:
        """Wait until a person has approved a permit, and return it with its new life.

        Raises:
            PermitRefused: nobody does.
        """
        while True:
            permit = self._permits.approved(permit_id, time.monotonic())
            if permit is not None:
                return permit
            await asyncio.sleep(WATCH)

    async def cards(self) -> list[Card]:
        """Return what waits for a person, the oldest first; drawing them takes a while."""
        now, objects = time.monotonic(), self._situation.belief.objects
        return [
            await asyncio.to_thread(cards.card, self._cell, grant, objects, now)
            for grant in self._permits.waiting(now)
        ]

    async def decide(self, decision: Decision) -> None:
        """Approve or refuse a plan that waits; written down before it counts.

        Raises:
            UnknownName: nothing waits under that number.
            PermitRefused: it is another motion than the one that was shown.
            NotPermittedRole: the cell does not allow this road to a person.
            Refused: it cannot be written down.
        """
        if decision.road == ELICITATION and not self._cell.approval.elicitation:
            raise NotPermittedRole(
                "This cell does not let the person at an MCP client approve.",
                field="road",
                value=decision.road,
                limit=OPERATOR,
                hint="approve it by `handrail approve`, or set elicitation in [approval]",
            )
        self._permits.asked(decision.number, decision.trajectory_digest, time.monotonic())
        await asyncio.to_thread(self._receipts.decided, decision)
        now = time.monotonic()  # it may have died meanwhile
        try:
            grant = self._permits.asked(decision.number, decision.trajectory_digest, now)
        except HandrailError as error:
            await asyncio.to_thread(self._receipts.undecided, decision, error.detail())
            raise
        if decision.approve:
            self._permits.approve(grant, decision.approver, now)
        else:
            reason = f": {decision.reason}" if decision.reason else ""
            self._permits.reject(grant, f"was refused by {decision.approver}{reason}")
