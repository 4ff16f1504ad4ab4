"""The plans of one agent: what was checked, under handles of ours. Permits stay in here."""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from handrail_drivers.errors import HandrailError, Refused, UnknownName

from handrail_bridge.agents.reports import CheckReport, PlanReport, told_check
from handrail_bridge.reports import Check, Permit, Receipt

KEPT = 32  # plans at a time; the oldest gives way
ENDINGS = ("permit_refused", "motion_stopped", "process_lost")  # codes that no plan survives
Status = Literal["checked", "waiting", "running", "run", "dead", "refused"]


@dataclass(slots=True)
class CheckedPlan:
    """One plan as it was checked; whoever asks for it gets exactly this one."""

    handle: str
    text: str  # the plan as JSON: nobody changes it any more
    check: Check
    status: Status = "checked"
    outcome: str = ""
    checked: float = field(default_factory=time.monotonic)

    @property
    def plan(self) -> dict[str, Any]:
        """The plan, a copy."""
        plan: dict[str, Any] = json.loads(self.text)
        return plan

    @property
    def permit(self) -> Permit:
        """Its permit.

        Raises:
            Refused: its check found violations.
        """
        if self.check.permit is None:
            raise Refused("The plan did not pass its check.", hint="check a better one")
        return self.check.permit

    def told(self) -> CheckReport:
        """Return the verdict and, where it passed, the handle: what an agent is told."""
        report = told_check(self.check.verdict)
        permit = self.check.permit
        if permit is None:
            return report
        left = permit.expires_in - (time.monotonic() - self.checked)
        asks = [] if permit.approver else list(permit.asks)
        return report.model_copy(
            update={"plan": self.handle, "expires_in": max(left, 0.0), "needs_approval": asks}
        )

    def summary(self) -> PlanReport:
        """Return it in a few words."""
        return PlanReport(
            plan=self.handle if self.check.permit else None,
            status=self.status,
            age=time.monotonic() - self.checked,
            steps=[str(step["tool"]) for step in self.plan["steps"]],
            needs_approval=list(self.check.permit.asks) if self.check.permit else [],
            violations=[violation.sentence for violation in self.check.verdict.violations],
            outcome=self.outcome,
        )


class Plans:
    """The plans of one agent, the oldest first. One at a time is on its way to move something."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, CheckedPlan] = OrderedDict()
        self._busy: CheckedPlan | None = None

    def __iter__(self) -> Iterator[CheckedPlan]:
        return iter(tuple(self._kept.values()))

    def add(self, text: str, check: Check) -> CheckedPlan:
        """Keep a plan, as JSON, with its verdict under a new handle."""
        handle = f"plan-{secrets.token_hex(4)}"
        kept = CheckedPlan(handle, text, check)
        if check.permit is None:
            kept.status = "refused"
        self._kept[handle] = kept
        if len(self._kept) > KEPT:
            oldest = next(name for name, other in self._kept.items() if other is not self._busy)
            del self._kept[oldest]
        return kept

    def find(self, handle: str) -> CheckedPlan:
        """Return the plan of a handle that may be run.

        Raises:
            UnknownName: there is none.
            Refused: it was run already, or is dead.
        """
        if handle not in self._kept:
            good = [other.handle for other in self if other.status == "checked"]
            raise UnknownName("plan", handle, good, "plan")
        plan = self._kept[handle]
        if plan.status in ("run", "dead", "refused"):
            raise Refused(
                f"The plan {handle} is good no more: {plan.outcome or 'its check refused it'}",
                field="plan",
                value=handle,
                hint="check it again with plan_check and run the new handle",
            )
        return plan

    def asking(self, text: str) -> CheckedPlan | None:
        """Return the newest plan of this text, as JSON, that was checked and needs a person."""
        same = [plan for plan in self if plan.text == text and plan.status == "checked"]
        asks = [plan for plan in same if plan.check.permit is not None and plan.check.permit.asks]
        return asks[-1] if asks else None

    @contextlib.contextmanager
    def moving(self, plan: CheckedPlan) -> Iterator[None]:
        """Have one plan on its way while the block runs.

        Raises:
            Refused: another one is.
        """
        if self._busy is not None:
            raise Refused(
                f"The plan {self._busy.handle} is {self._busy.status}: one at a time.",
                field="plan",
                value=plan.handle,
                hint="wait for its result, cancel it, or stop",
            )
        self._busy, plan.status = plan, "waiting"
        try:
            yield
        except HandrailError as error:
            _failed(plan, error)
            raise
        finally:
            self._busy = None
            _left(plan)

    def ended(self, plan: CheckedPlan, receipt: Receipt) -> None:
        """Remember what became of a plan."""
        word = "ran to its end" if receipt.completed else f"ended early: {receipt.reason}"
        plan.status, plan.outcome = "run", f"it {word} (receipt {receipt.id})."


def _failed(plan: CheckedPlan, error: HandrailError) -> None:
    """A plan lives on where nothing has moved and its permit may still be good."""
    if error.code in ENDINGS:
        plan.status, plan.outcome = "dead", error.message
    elif plan.status == "running":
        plan.status = "checked"


def _left(plan: CheckedPlan) -> None:
    """One that was cut off in its motion has spent its permit; one that waited has not."""
    if plan.status == "running":
        plan.status, plan.outcome = "dead", "it was cancelled, and the arm was stopped."
    elif plan.status == "waiting":
        plan.status = "checked"
