"""The fewest reads that cover a set of registers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.register_map import Register, RegisterMap


@dataclass(frozen=True, slots=True)
class Span:
    """One read, and the names of what it brings."""

    table: Table
    address: int
    count: int
    names: tuple[str, ...]


def merged(found: RegisterMap, names: Iterable[str]) -> tuple[Span, ...]:
    """Return the reads that bring some registers, no value of which is split.

    From the left, each as long as the device and the gap allow: nothing can do with fewer, since
    what follows never gains by an earlier end.
    """
    spans: list[Span] = []
    for name in sorted(names, key=lambda name: _place(found.registers[name])):
        one = found.registers[name]
        if spans and (longer := _with(found, spans[-1], name, one)) is not None:
            spans[-1] = longer
        else:
            spans.append(Span(one.table, one.address, one.count, (name,)))
    return tuple(spans)


def alone(found: RegisterMap, names: Iterable[str], single: Collection[str]) -> tuple[Span, ...]:
    """Return reads as :func:`merged` does that touch nothing but what is named.

    ``single``: what the device does not have, so that it has to be asked for by itself.
    """
    strict = found.model_copy(update={"gap": 0})
    spans = merged(strict, [name for name in names if name not in single])
    return (*spans, *(span for name in single for span in merged(strict, (name,))))


def _place(one: Register) -> tuple[str, int, int]:
    return one.table, one.address, one.end


def _with(found: RegisterMap, span: Span, name: str, one: Register) -> Span | None:
    """Return a span that brings one more register, if there is one."""
    end = span.address + span.count
    if one.table != span.table or one.address > end + found.gap:
        return None
    count = max(end, one.end) - span.address
    most = found.most_coils if one.table.is_bits else found.most_registers
    return Span(span.table, span.address, count, (*span.names, name)) if count <= most else None
