"""A driver that is bad in one way, and the check that is meant for it."""

from __future__ import annotations

from dataclasses import dataclass

from handrail_drivers.conformance import Call

LONGEST = 0.1  # m
LEFT: list[int] = []  # descriptors that a mutant leaves open


@dataclass(frozen=True)
class Mutant:
    """``caught_by`` is the one check that is meant for it; none: it is good."""

    driver: type
    caught_by: str = ""
    calls: dict[str, Call] | None = None
