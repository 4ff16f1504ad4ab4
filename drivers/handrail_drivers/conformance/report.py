"""Runs the checks, and reports what they found: Markdown for a pull request, or JSON."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from handrail_drivers.api import API_VERSION
from handrail_drivers.conformance import life_checks, schema_checks, wire_checks
from handrail_drivers.conformance.bench import Failed, NotApplicable, spoken
from handrail_drivers.conformance.subject import Conformance

CHECKS: dict[str, Callable[[Conformance], None]] = {
    check.__name__: check
    for check in (
        schema_checks.schema_complete,
        schema_checks.limits_enforced,
        schema_checks.not_a_number_refused,
        schema_checks.unreachable_moves_nothing,
        life_checks.connect_moves_nothing,
        life_checks.does_what_it_says,
        life_checks.honest_result,
        wire_checks.timeouts_honoured,
        wire_checks.cancellation,
        wire_checks.disconnect_in_mid_message,
        wire_checks.reconnect_disarmed,
        wire_checks.garbage_refused,
        wire_checks.truncated_refused,
        wire_checks.late_reply_dropped,
        life_checks.stops_in_time,
        life_checks.safe_on_close,
        life_checks.never_blocks,
        life_checks.nothing_left_behind,
    )
}
MARKS = {"passed": "✅", "failed": "❌", "not applicable": "➖"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check found. ``result``: passed, failed or not applicable."""

    check: str
    demand: str
    result: str
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """What all checks found of one driver."""

    driver: str
    outcomes: tuple[Outcome, ...]

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(one.result != "failed" for one in self.outcomes)

    def json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        rows = [
            {"check": o.check, "demand": o.demand, "result": o.result, "text": o.text}
            for o in self.outcomes
        ]
        return {"driver": self.driver, "passed": self.passed, **_versions(), "checks": rows}

    def markdown(self) -> str:
        """Return it as a table for a pull request."""
        counts = {kind: sum(o.result == kind for o in self.outcomes) for kind in MARKS}
        summary = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        versions = ", ".join(f"{key.replace('_', ' ')} {v}" for key, v in _versions().items())
        rows = [
            f"| {MARKS[o.result]} | `{o.check}` | {o.demand} | {_cell(o.text)} |"
            for o in self.outcomes
        ]
        head = ["| | Check | What it demands | Found |", "|---|---|---|---|"]
        lines = [f"### Conformance of `{self.driver}`: {summary}", "", *head, *rows, "", versions]
        return "\n".join(lines) + "\n"


def run_check(subject: Conformance, name: str) -> Outcome:
    """Run one check."""
    function = CHECKS[name]
    demand = (function.__doc__ or "").strip()
    result, text = "passed", ""
    try:
        function(subject)
    except NotApplicable as error:
        result, text = "not applicable", str(error)
    except Failed as error:
        result, text = "failed", str(error)
    except Exception as error:  # noqa: BLE001  a driver that cannot even be made has failed
        result, text = "failed", spoken(error)
    return Outcome(name, demand, result, text)


def check(subject: Conformance) -> Report:
    """Run every check on a driver."""
    kind = type(subject)
    driver = getattr(kind, "driver", kind)
    name = f"{driver.__module__}.{driver.__qualname__}"
    return Report(name, tuple(run_check(subject, one) for one in CHECKS))


def _versions() -> dict[str, str]:
    try:
        handrail = version("handrail")
    except PackageNotFoundError:
        handrail = "from source"
    api = ".".join(map(str, API_VERSION))
    return {"handrail": handrail, "plugin_api": api, "python": platform.python_version()}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
