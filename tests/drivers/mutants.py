"""Drivers that are bad in one way each, made from the one that the scaffold writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drivers.mutant import Mutant
from drivers.mutants_declared import declared, done
from drivers.mutants_life import in_life
from drivers.mutants_wire import on_the_wire
from handrail_drivers.conformance import Conformance


def mutants(base: Any) -> Iterator[Mutant]:
    """Yield them all, made from a driver that is good."""
    yield Mutant(base)
    for family in (declared, done, on_the_wire, in_life):
        yield from family(base)


def conformance_of(mutant: Mutant, base: type[Conformance]) -> Conformance:
    """Return what the kit has to know of a mutant."""
    calls = dict(base.calls) if mutant.calls is None else mutant.calls
    return type("Mutated", (base,), {"driver": mutant.driver, "calls": calls})()
