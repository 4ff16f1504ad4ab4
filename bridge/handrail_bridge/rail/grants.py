"""What a permit is bound to: a checked plan, or one call of a device's tool.

::

    Grant       a plan that passed its check, with the motion that it permits
    CallGrant   one call of a tool that needs a person
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from handrail_drivers.errors import PermitRefused
from handrail_sim.plan import Plan
from handrail_sim.verdict import Verdict

from handrail_bridge.rail.belief import Believed
from handrail_bridge.reports import Tool

AGAIN = "check the plan again and execute it with the new permit"


@dataclass(frozen=True, slots=True)
class Present:
    """What a permit is bound to, as it is at one moment."""

    time: float  # s, monotonic
    position: dict[str, float]  # rad, measured, by joint
    cell_digest: str
    believed: Believed
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
    def asks(self) -> tuple[str, ...]:
        """Why a person has to approve it; nothing where nobody has to."""
        return self.verdict.asks

    @property
    def trajectory_digest(self) -> str:
        """Of the motion that it permits."""
        return self.verdict.trajectory.digest() if self.verdict.trajectory else ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a device's tool; ``arguments`` are valid, and the bridge's JSON of them."""

    tool: Tool
    arguments: str

    def digest(self) -> str:
        """Return the SHA-256 of the call and of what the device said of its tool."""
        tool = self.tool
        whole = (tool.device, tool.name, tool.description, tool.input_schema, self.arguments)
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class CallGrant:
    """One open permit for a call; it waits until there is an ``approver``."""

    id: str
    number: int
    call: ToolCall
    start: Present
    expires: float  # s, monotonic
    approver: str = ""

    @property
    def waits(self) -> bool:
        """Whether nobody has approved it yet."""
        return not self.approver

    @property
    def asks(self) -> tuple[str, ...]:
        """Why a person has to approve it."""
        return (f"Every call of {self.call.tool.name} needs approval.",)

    @property
    def trajectory_digest(self) -> str:
        """Of the call: what it permits in the place of a motion."""
        return self.call.digest()


def require_word(grant: Grant | CallGrant) -> None:
    """Refuse what a person has not approved: nobody's word is a no."""
    if grant.waits:
        raise PermitRefused(
            f"The permit waits for a person: {grant.asks[0]}",
            field="approval",
            hint="wait until the operator has decided (AwaitApproval), or do it otherwise",
        )


def require_same_run(start: Present, present: Present) -> None:
    """Refuse where the cell is another by now, or was stopped."""
    if present.cell_digest != start.cell_digest:
        raise PermitRefused("The cell has changed since the check.", field="cell", hint=AGAIN)
    if present.stops != start.stops:  # one that came while the check was running
        raise PermitRefused("The permit was killed by a stop.", field="stops", hint=AGAIN)


def require_same_world(grant: Grant, present: Present) -> None:
    """Refuse a plan where leases, or what is believed of the objects, have changed."""
    start = grant.start
    if any(start.leases[name] not in (0, present.leases[name]) for name in grant.devices):
        raise PermitRefused(
            "The plan was checked under another lease.", field="lease_token", hint=AGAIN
        )
    if changed := start.believed.changed(present.believed):
        raise PermitRefused(
            f"What is known of {', '.join(changed)} has changed since the check.",
            field="objects",
            value=changed[0],
            limit=start.believed.tolerance,
            unit="m",
            hint=AGAIN,
        )


def require_same(grant: Grant, present: Present) -> None:
    """Refuse a plan where the cell, leases or what is believed have changed, or it was stopped."""
    require_same_run(grant.start, present)
    require_same_world(grant, present)
