"""Permits: this plan passed in this cell from this state. Single-use, expiring, bounded.

A call of a device's tool has one too where a person has to approve it.

The table is the only memory of what was permitted: a handle says nothing by itself, and a
restart forgets all of them.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import replace
from typing import Self

from handrail_drivers.errors import PermitRefused, Refused, UnknownName
from handrail_sim.cell import Cell
from handrail_sim.plan import Plan
from handrail_sim.verdict import Verdict

from handrail_bridge.rail.grants import (
    AGAIN,
    CallGrant,
    Grant,
    Present,
    ToolCall,
    require_same,
    require_same_run,
    require_word,
)
from handrail_bridge.reports import Permit

OPEN = 32  # permits kept at a time; the oldest gives way, since each holds a trajectory
WAITING = 4  # that may wait for a person at a time: more only tire that person
DEAD = 1024  # handles whose end is remembered, to answer with the right sentence


class Permits:
    """The table of permits of one cell.

    Args:
        lifetime: s from issue, or from approval, to expiry.
        patience: s from issue in which a person may approve.
        joint_drift: rad that any joint may have moved between check and execution.
        slide_drift: m, of those named in ``slides``.
    """

    def __init__(
        self,
        lifetime: float,
        joint_drift: float,
        patience: float,
        slide_drift: float = 0.0,
        slides: Collection[str] = (),
    ) -> None:
        self.lifetime = lifetime
        self.patience = patience
        self._issued = 0
        self.joint_drift, self.slide_drift = joint_drift, slide_drift
        self._slides = slides
        self._open: OrderedDict[str, Grant | CallGrant] = OrderedDict()
        self._dead: OrderedDict[str, str] = OrderedDict()

    @classmethod
    def of(cls, cell: Cell) -> Self:
        """Return an empty table for a cell."""
        life, slides = cell.permits, cell.arm.slides
        return cls(life.lifetime, life.joint_drift, cell.approval.timeout, life.slide_drift, slides)

    def issue(
        self,
        plan: Plan,
        verdict: Verdict,
        start: Present,
        devices: tuple[str, ...],
        now: float,
        approver: str = "",
    ) -> Permit:
        """Enter a passing verdict, checked from ``start``, that moves ``devices``.

        ``approver``: the operator, where the request is the operator's own.
        """
        if not verdict.passed or verdict.trajectory is None:
            raise PermitRefused("A verdict that did not pass yields no permit.")
        waits = bool(verdict.asks) and not approver
        self.require_room(waits, now)
        expires = now + (self.patience if waits else self.lifetime)
        permit_id, number = self._next()
        named = approver if verdict.asks else ""
        grant = Grant(permit_id, number, plan, verdict, start, devices, expires, named)
        return self._enter(grant, now)

    def issue_call(self, call: ToolCall, start: Present, now: float, approver: str = "") -> Permit:
        """Enter a call of a tool that needs a person; ``approver`` as in :meth:`issue`."""
        waits = not approver
        self.require_room(waits, now)
        expires = now + (self.patience if waits else self.lifetime)
        return self._enter(CallGrant(*self._next(), call, start, expires, approver), now)

    def require_room(self, waits: bool, now: float) -> None:
        """Refuse one more that ``waits`` for a person, where too many do.

        Raises:
            Refused: they do.
        """
        if waits and len(self.waiting(now)) >= WAITING:
            raise Refused(
                f"{WAITING} wait for a person already.",
                limit=WAITING,
                hint="wait until the operator has decided on them",
            )

    def _next(self) -> tuple[str, int]:
        self._issued += 1
        return secrets.token_urlsafe(24), self._issued

    def _enter(self, grant: Grant | CallGrant, now: float) -> Permit:
        self._let_lapse(now)  # what nobody answered must not fill the table
        self._open[grant.id] = grant
        if len(self._open) > OPEN:
            oldest = (other.id for other in self._open.values() if not other.waits)
            self._kill(next(oldest), "gave way to newer permits")
        return _told(grant, now)

    def waiting(self, now: float) -> list[Grant | CallGrant]:
        """Return what waits for a person, the oldest first."""
        return [grant for grant in self._open.values() if grant.waits and now < grant.expires]

    def asked(
        self, number: int, trajectory_digest: str, now: float, approve: bool = True
    ) -> Grant | CallGrant:
        """Return what waits under a number; for a no, also what another person has approved.

        Raises:
            UnknownName: nothing does.
            PermitRefused: it is another motion than the one that was shown.
        """
        asking = [grant for grant in self._open.values() if grant.asks and now < grant.expires]
        found = self.waiting(now) if approve else asking
        waiting = {str(grant.number): grant for grant in found}
        if str(number) not in waiting:
            raise UnknownName("approval", str(number), waiting, "number")
        grant = waiting[str(number)]
        if trajectory_digest != grant.trajectory_digest:
            raise PermitRefused(
                "What was shown is another motion or call than the one that waits.",
                field="trajectory_digest",
                value=trajectory_digest[:12],
                limit=grant.trajectory_digest[:12],
                hint="look at it again, then decide",
            )
        return grant

    def approve(self, grant: Grant | CallGrant, approver: str, now: float) -> None:
        """Make a permit good that waits; its life begins anew."""
        expires = now + self.lifetime
        self._open[grant.id] = replace(grant, approver=approver, expires=expires)

    def reject(self, grant: Grant | CallGrant, why: str) -> None:
        """End a permit; ``why`` completes the sentence "The permit ..."."""
        self._kill(grant.id, why)

    def approved(self, permit_id: str, now: float) -> Permit | None:
        """Return a permit that is good, as far as persons are concerned; None while it waits.

        Raises:
            PermitRefused: it is dead, or nobody has answered in time.
        """
        grant = self._living(permit_id, now)
        return None if grant.waits else _told(grant, now)

    def examine(self, permit_id: str, plan_digest: str, present: Present) -> Grant:
        """Return the grant if it could be redeemed right now. Spends nothing.

        Raises:
            PermitRefused: with the reason as sentence, and what to do as hint.
        """
        grant = self._living(permit_id, present.time)
        if not isinstance(grant, Grant):
            raise PermitRefused("The permit is for a call of a tool.", field="plan", hint=AGAIN)
        if plan_digest != grant.verdict.plan_digest:
            raise PermitRefused(
                "The permit is for another plan than the one that came with it.",
                field="plan",
                value=plan_digest[:12],
                limit=grant.verdict.plan_digest[:12],
                hint="send the plan exactly as it was checked, or check the new one",
            )
        require_word(grant)
        require_same(grant, present)
        self._same_start(grant.start, present)
        return grant

    def redeem(self, permit_id: str, plan_digest: str, present: Present) -> Grant:
        """Spend the permit and return its grant, or refuse as :meth:`examine` does."""
        grant = self.examine(permit_id, plan_digest, present)
        self._kill(permit_id, "is spent: each permit is good for one execution")
        return grant

    def examine_call(self, permit_id: str, call: ToolCall, present: Present) -> CallGrant:
        """Return the grant if this call could be made right now. Spends nothing.

        Raises:
            PermitRefused: with the reason as sentence, and what to do as hint.
        """
        if not permit_id:
            raise PermitRefused(
                f"Every call of {call.tool.name} needs a person's approval.",
                field="permit_id",
                hint="ask for it (ProposeCall), wait for it (AwaitApproval), then call with it",
            )
        grant = self._living(permit_id, present.time)
        if not isinstance(grant, CallGrant) or grant.call.digest() != call.digest():
            raise PermitRefused(
                f"The permit is for something else than this call of {call.tool.name}.",
                field="arguments",
                hint="call it exactly as it was approved, or ask for the new call",
            )
        require_word(grant)
        require_same_run(grant.start, present)
        return grant

    def redeem_call(self, permit_id: str, call: ToolCall, present: Present) -> CallGrant:
        """Spend the permit of a call and return its grant, or refuse as :meth:`examine_call`."""
        grant = self.examine_call(permit_id, call, present)
        self._kill(permit_id, "is spent: each permit is good for one call")
        return grant

    def kill_all(self, why: str) -> None:
        """End every open permit; ``why`` completes the sentence "The permit ..."."""
        for permit_id in tuple(self._open):
            self._kill(permit_id, why)

    def _find(self, permit_id: str) -> Grant | CallGrant:
        if permit_id in self._open:
            return self._open[permit_id]
        why = self._dead.get(permit_id, "is not known to this bridge (a restart forgets permits)")
        raise PermitRefused(f"The permit {why}.", field="permit_id", hint=AGAIN)

    def _living(self, permit_id: str, now: float) -> Grant | CallGrant:
        """Return an open permit whose time has not come."""
        self._let_lapse(now)
        return self._find(permit_id)

    def _let_lapse(self, now: float) -> None:
        silent = f"was not approved: nobody answered within {self.patience:g} s"
        for grant in [grant for grant in self._open.values() if now >= grant.expires]:
            self._kill(grant.id, silent if grant.waits else "has expired")

    def _kill(self, permit_id: str, why: str) -> None:
        del self._open[permit_id]
        self._dead[permit_id] = why
        if len(self._dead) > DEAD:
            self._dead.popitem(last=False)

    def _same_start(self, start: Present, present: Present) -> None:
        for joint, before in start.position.items():
            drift = abs(present.position[joint] - before)
            slides = joint in self._slides
            limit, unit = (self.slide_drift, "m") if slides else (self.joint_drift, "rad")
            if not drift <= limit:  # NaN is a drift too
                raise PermitRefused(
                    f"{joint} has moved by {drift:.3f} {unit} since the check; "
                    f"{limit:g} {unit} are tolerated.",
                    field=joint,
                    value=drift,
                    limit=limit,
                    unit=unit,
                    hint=AGAIN,
                )


def _told(grant: Grant | CallGrant, now: float) -> Permit:
    """Return what a client is told of a permit."""
    return Permit(
        id=grant.id,
        plan_digest=grant.verdict.plan_digest if isinstance(grant, Grant) else "",
        trajectory_digest=grant.trajectory_digest,
        expires_in=grant.expires - now,
        asks=grant.asks,
        approver=grant.approver,
        number=grant.number,
    )
