"""Permits: this plan passed in this cell from this state. Single-use, expiring, bounded.

The table is the only memory of what was permitted: a handle says nothing by itself, and a
restart forgets all of them.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Self

from handrail_drivers.errors import PermitRefused, Refused, UnknownName
from handrail_sim.cell import Cell
from handrail_sim.plan import Plan
from handrail_sim.verdict import Verdict

from handrail_bridge.reports import Permit

OPEN = 32  # permits kept at a time; the oldest gives way, since each holds a trajectory
WAITING = 4  # that may wait for a person at a time: more only tire him
DEAD = 1024  # handles whose end is remembered, to answer with the right sentence
AGAIN = "check the plan again and execute it with the new permit"


@dataclass(frozen=True, slots=True)
class Present:
    """What a permit is bound to, as it is at one moment."""

    time: float  # s, monotonic
    position: dict[str, float]  # rad, measured, by joint
    cell_digest: str
    belief_version: int
    stops: int  # stops and acts of the operator so far
    leases: dict[str, int]  # token by device, 0 where nobody holds it


@dataclass(frozen=True, slots=True)
class Grant:
    """One open permit: the verdict it stands for, and from which state it was checked.

    One whose verdict asks for a person waits until there is an ``approver``.
    """

    id: str
    number: int
    plan: Plan
    verdict: Verdict
    start: Present
    devices: tuple[str, ...]  # that it moves
    expires: float  # s, monotonic
    approver: str = ""

    @property
    def waits(self) -> bool:
        """Whether a person has to approve it, and nobody has."""
        return bool(self.verdict.asks) and not self.approver

    @property
    def trajectory_digest(self) -> str:
        """Of the motion that it permits."""
        return self.verdict.trajectory.digest() if self.verdict.trajectory else ""


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
        self._open: OrderedDict[str, Grant] = OrderedDict()
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

        ``approver``: the operator where one asks by himself.
        """
        if not verdict.passed or verdict.trajectory is None:
            raise PermitRefused("A verdict that did not pass yields no permit.")
        waits = bool(verdict.asks) and not approver
        if waits and len(self.waiting(now)) >= WAITING:
            raise Refused(
                f"{WAITING} plans wait for a person already.",
                limit=WAITING,
                hint="wait until the operator has decided on them",
            )
        life = self.patience if waits else self.lifetime
        self._issued += 1
        grant = Grant(
            secrets.token_urlsafe(24),
            self._issued,
            plan,
            verdict,
            start,
            devices,
            now + life,
            approver if verdict.asks else "",
        )
        self._open[grant.id] = grant
        if len(self._open) > OPEN:
            oldest = (other.id for other in self._open.values() if not other.waits)
            self._kill(next(oldest), "gave way to newer permits")
        return _told(grant, now)

    def waiting(self, now: float) -> list[Grant]:
        """Return what waits for a person, the oldest first."""
        return [grant for grant in self._open.values() if grant.waits and now < grant.expires]

    def asked(self, number: int, trajectory_digest: str, now: float) -> Grant:
        """Return what waits under a number.

        Raises:
            UnknownName: nothing does.
            PermitRefused: it is another motion than the one that was shown.
        """
        waiting = {str(grant.number): grant for grant in self.waiting(now)}
        if str(number) not in waiting:
            raise UnknownName("approval", str(number), waiting, "number")
        grant = waiting[str(number)]
        if trajectory_digest != grant.trajectory_digest:
            raise PermitRefused(
                "What was shown is another motion than the one that waits.",
                field="trajectory_digest",
                value=trajectory_digest[:12],
                limit=grant.trajectory_digest[:12],
                hint="look at it again, then decide",
            )
        return grant

    def approve(self, grant: Grant, approver: str, now: float) -> None:
        """Make a permit good that waits; its life begins anew."""
        expires = now + self.lifetime
        self._open[grant.id] = replace(grant, approver=approver, expires=expires)

    def reject(self, grant: Grant, why: str) -> None:
        """End a permit that waits; ``why`` completes the sentence "The permit ..."."""
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
        if plan_digest != grant.verdict.plan_digest:
            raise PermitRefused(
                "The permit is for another plan than the one that came with it.",
                field="plan",
                value=plan_digest[:12],
                limit=grant.verdict.plan_digest[:12],
                hint="send the plan exactly as it was checked, or check the new one",
            )
        if grant.waits:
            raise PermitRefused(
                f"The permit waits for a person: {grant.verdict.asks[0]}",
                field="approval",
                hint="wait until the operator has decided (AwaitApproval), or plan otherwise",
            )
        self._same_world(grant, present)
        self._same_start(grant.start, present)
        return grant

    def redeem(self, permit_id: str, plan_digest: str, present: Present) -> Grant:
        """Spend the permit and return its grant, or refuse as :meth:`examine` does."""
        grant = self.examine(permit_id, plan_digest, present)
        self._kill(permit_id, "is spent: each permit is good for one execution")
        return grant

    def kill_all(self, why: str) -> None:
        """End every open permit; ``why`` completes the sentence "The permit ..."."""
        for permit_id in tuple(self._open):
            self._kill(permit_id, why)

    def _find(self, permit_id: str) -> Grant:
        if permit_id in self._open:
            return self._open[permit_id]
        why = self._dead.get(permit_id, "is not known to this bridge (a restart forgets permits)")
        raise PermitRefused(f"The permit {why}.", field="permit_id", hint=AGAIN)

    def _living(self, permit_id: str, now: float) -> Grant:
        """Return an open permit whose time has not come."""
        grant = self._find(permit_id)
        if now >= grant.expires:
            silent = f"was not approved: nobody answered within {self.patience:g} s"
            self._kill(permit_id, silent if grant.waits else "has expired")
            self._find(permit_id)
        return grant

    def _kill(self, permit_id: str, why: str) -> None:
        del self._open[permit_id]
        self._dead[permit_id] = why
        if len(self._dead) > DEAD:
            self._dead.popitem(last=False)

    def _same_world(self, grant: Grant, present: Present) -> None:
        start = grant.start
        if present.cell_digest != start.cell_digest:
            raise PermitRefused("The cell has changed since the check.", field="cell", hint=AGAIN)
        if present.stops != start.stops:  # one that came while the check was running
            raise PermitRefused("The permit was killed by a stop.", field="stops", hint=AGAIN)
        if any(start.leases[name] not in (0, present.leases[name]) for name in grant.devices):
            raise PermitRefused(
                "The plan was checked under another lease.", field="lease_token", hint=AGAIN
            )
        if present.belief_version != start.belief_version:
            raise PermitRefused(
                "What is known of the objects has changed since the check.",
                field="objects",
                value=present.belief_version,
                limit=start.belief_version,
                hint=AGAIN,
            )

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


def _told(grant: Grant, now: float) -> Permit:
    """Return what a client is told of a permit."""
    return Permit(
        id=grant.id,
        plan_digest=grant.verdict.plan_digest,
        trajectory_digest=grant.trajectory_digest,
        expires_in=grant.expires - now,
        asks=grant.verdict.asks,
        approver=grant.approver,
        number=grant.number,
    )
