"""What every passing and every refusing verdict must have."""

from __future__ import annotations

import math
from typing import Any

from desk_plans import plan
from handrail_sim.check.checker import Checker
from handrail_sim.verdict import StartState, Verdict, Violation


def refused(verdict: Verdict) -> Violation:
    """The violation that leads; what every refusal must have."""
    assert not verdict.passed
    assert verdict.trajectory is None
    times = [violation.time for violation in verdict.violations]
    assert times == sorted(times)
    pairs = [(violation.kind, violation.subject) for violation in verdict.violations]
    assert len(set(pairs)) == len(pairs)
    for violation in verdict.violations:
        assert violation.sentence.endswith(".")
        assert violation.hint
        assert violation.unit
        assert math.isfinite(violation.value)
    return verdict.violations[0]


def passes(checker: Checker, start: StartState, *steps: Any) -> Verdict:
    verdict = checker.check(plan(*steps), start)
    assert verdict.violations == ()
    return verdict
