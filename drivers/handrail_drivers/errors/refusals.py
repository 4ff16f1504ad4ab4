"""What was meant well is not allowed now."""

from __future__ import annotations

from typing import Any

from handrail_drivers.errors.root import HandrailError


class Refused(HandrailError):
    """Meant well, but not allowed in this state."""

    code = "refused"
    status = "FAILED_PRECONDITION"


class PlanRefused(Refused):
    """The check found violations; ``verdict`` is the whole finding."""

    code = "plan_refused"
    verdict: Any = None

    def __init__(self, message: str, verdict: Any = None, **parts: Any) -> None:
        super().__init__(message, **parts)
        self.verdict = verdict


class PermitRefused(Refused):
    """The permit is unknown, spent, expired, for another plan, or its start state drifted."""

    code = "permit_refused"


class NotArmed(Refused):
    """The cell is disarmed, stopped or in fault: an operator has to reset and arm it."""

    code = "not_armed"


class LeaseRefused(Refused):
    """Another client holds the right to move these devices."""

    code = "lease_refused"
    status = "ABORTED"


class BudgetSpent(Refused):
    """What an agent may spend is spent; ``field`` says which part of it."""

    code = "budget_spent"


class NotPermittedRole(Refused):
    """An act that only the operator may do."""

    code = "not_permitted_role"
    status = "PERMISSION_DENIED"
