"""What waits for a person, and what the person says."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from handrail_drivers.errors import HandrailError, NotPermittedRole, Refused
from handrail_sim.cell import Cell

from handrail_bridge.rail import cards
from handrail_bridge.rail.grants import CallGrant, ToolCall
from handrail_bridge.rail.permits import Permits
from handrail_bridge.rail.receipts import Receipts
from handrail_bridge.rail.situation import Situation
from handrail_bridge.reports import ELICITATION, OPERATOR, Card, Decision, Permit

WATCH = 0.02  # s between two looks

log = logging.getLogger(__name__)


class Approvals:
    """The permits of one rail that need a person's word: of plans, and of calls of tools."""

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

    async def ask_for_call(self, call: ToolCall, approver: str = "") -> Permit:
        """Ask a person about one call of a device's tool; no ``approver`` is named: it waits.

        Raises:
            InvalidRequest: nobody could read it whole.
            Refused: it cannot be written down, or too many wait already.
        """
        cards.require_readable(call)
        present = self._situation.present()
        self._permits.require_room(not approver, time.monotonic())  # before it is written down
        await self._receipts.written(self._receipts.asked_for_call, call, approver)
        return self._permits.issue_call(call, present, time.monotonic(), approver)

    def examine_call(self, permit_id: str, call: ToolCall) -> CallGrant:
        """Return the grant of a call, or refuse what is not permitted now. Spends nothing."""
        return self._permits.examine_call(permit_id, call, self._situation.present())

    @contextlib.asynccontextmanager
    async def spending(self, permit_id: str, call: ToolCall) -> AsyncIterator[None]:
        """Let a permitted call be made in the block: written down before it, and what became of it.

        Raises:
            PermitRefused: it is not permitted.
            Refused: it cannot be written down.
        """
        grant = self.examine_call(permit_id, call)
        await self._receipts.written(self._receipts.calling, grant)
        try:  # spent last: a stop may have come while it was written down
            self._permits.redeem_call(permit_id, call, self._situation.present())
            yield
        except HandrailError as error:
            await self._called(permit_id, error.detail())
            raise
        except Exception as error:
            await self._called(permit_id, {"message": repr(error)})
            raise
        await self._called(permit_id, None)

    async def _called(self, permit_id: str, detail: dict[str, Any] | None) -> None:
        try:
            await self._receipts.written(self._receipts.called, permit_id, detail)
        except Refused as unwritten:  # it is done already; the next one will be refused
            log.warning("%s", unwritten)

    async def cards(self) -> list[Card]:
        """Return what waits for a person, the oldest first; drawing them takes a while."""
        now, objects = time.monotonic(), self._situation.belief.objects
        return [
            await asyncio.to_thread(cards.card, self._cell, grant, objects, now)
            for grant in self._permits.waiting(now)
        ]

    async def decide(self, decision: Decision) -> None:
        """Approve or refuse what waits; written down before it counts.

        A no ends what was approved already, too, as long as it is not spent.

        Raises:
            UnknownName: nothing waits under that number.
            PermitRefused: it is another motion or call than the one that was shown.
            NotPermittedRole: the cell does not allow this road to a person.
            Refused: it cannot be written down.
        """
        self._require_road(decision.road)
        shown = decision.number, decision.trajectory_digest
        self._permits.asked(*shown, time.monotonic(), decision.approve)
        await self._receipts.written(self._receipts.decided, decision)
        now = time.monotonic()  # it may have died meanwhile
        try:
            grant = self._permits.asked(*shown, now, decision.approve)
        except HandrailError as error:
            await self._receipts.written(self._receipts.undecided, decision, error.detail())
            raise
        if decision.approve:
            self._permits.approve(grant, decision.approver, now)
        else:
            reason = f": {decision.reason}" if decision.reason else ""
            self._permits.reject(grant, f"was refused by {decision.approver}{reason}")

    def _require_road(self, road: str) -> None:
        if road == ELICITATION and not self._cell.approval.elicitation:
            raise NotPermittedRole(
                "This cell does not let the person at an MCP client approve.",
                field="road",
                value=road,
                limit=OPERATOR,
                hint="approve it by `handrail approve`, or set elicitation in [approval]",
            )
