"""How the finds on a Modbus line are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from handrail_drivers.modbus.guesses import Guess, wide_guesses
from handrail_drivers.modbus.probe import Probe, TableFound
from handrail_drivers.modbus.scan import Scan
from rich.box import SIMPLE
from rich.table import Table as Grid

from handrail_bridge.cli.output import console, escape

LONG = 16  # rows in a row, all 0 and still, that become one
HALF = 0x8000


def show_scan(found: Scan) -> None:
    """Print the units, and what a person should know."""
    if found.found:
        grid = Grid("unit", "line", "answer", "vendor", "product", "revision", box=SIMPLE)
        for one in found.found:
            said = one.identity
            names = (said.vendor, said.product, said.revision) if said else ("", "", "")
            grid.add_row(str(one.unit), *map(escape, (one.line.shown, one.answer, *names)))
        console.print(grid)
    else:
        console.print("[yellow]nobody answers[/]: check power, wiring, speed and parity")
    for note in found.notes:
        console.print(f"  {escape(note)}")
    console.print(f"  {found.requests} requests in {found.seconds:.1f} s; nothing was written")


def show_probe(found: Probe) -> None:
    """Print what can be read, table by table, with every register's raw value and its guesses."""
    for one in found.tables:
        console.print(f"[bold]{one.table}[/]: {escape(_summary(one))}")
        if one.blocks:
            console.print(_bits(one) if one.table.is_bits else _registers(one))
    console.print(f"{found.requests} requests in {found.seconds:.1f} s; nothing was written")


def table_json(found: TableFound) -> dict[str, Any]:
    """Return a table for programs: what is there, raw values, guesses, what changed."""
    return {
        "runs": found.runs,
        "most_at_once": found.longest,
        "is_limit": found.is_limit,
        "refusals": found.refusals,
        "note": found.note,
        "cells": found.cells,
        "guesses": {} if found.table.is_bits else _guesses(found.cells),
        "changed": found.changed,
    }


def _guesses(cells: dict[int, int]) -> dict[int, list[Guess]]:
    pairs = {at: (cell, cells[at + 1]) for at, cell in cells.items() if at + 1 in cells}
    found = {at: list(wide_guesses(pair)) for at, pair in pairs.items()}
    return {at: guesses for at, guesses in found.items() if guesses}


def _summary(found: TableFound) -> str:
    if not found.blocks:
        return found.note or "nothing can be read"
    runs = ", ".join(
        f"{first}-{last}" if last > first else str(first) for first, last in found.runs
    )
    limit = "at most" if found.is_limit else "at least"
    note = f"; {found.note}" if found.note else ""
    return f"{runs} ({len(found.cells)} in all, {limit} {found.longest} at once){note}"


def _registers(found: TableFound) -> Grid:
    cells = found.cells
    guesses = _guesses(cells)
    grid = Grid("address", "hex", "u16", "i16", "may be, with the next", "changed", box=SIMPLE)
    for first, last in _stretches(found):
        if last > first:
            grid.add_row(f"{first}-{last}", "0000", "0", "0", "", "")
            continue
        word = cells[first]
        said = ", ".join(f"{one.type} {one.order} {one.value}" for one in guesses.get(first, ()))
        signed = word - 2 * HALF if word >= HALF else word
        grid.add_row(
            str(first), f"{word:04x}", str(word), str(signed), escape(said), _change(found, first)
        )
    return grid


def _bits(found: TableFound) -> Grid:
    grid = Grid("address", "bit", "changed", box=SIMPLE)
    for first, last in _stretches(found):
        where = f"{first}-{last}" if last > first else str(first)
        grid.add_row(where, str(found.cells[first]), _change(found, first))
    return grid


def _change(found: TableFound, address: int) -> str:
    least, most = found.changed.get(address, (0, 0))
    return f"{least} to {most}" if address in found.changed else ""


def _stretches(found: TableFound) -> Iterator[tuple[int, int]]:
    """Yield every address, long stretches of zeros that do not change as one."""
    still: list[int] = []
    for address, cell in found.cells.items():
        is_still = not cell and address not in found.changed
        if still and not (is_still and address == still[-1] + 1):
            yield from _joined(still)
            still = []
        if is_still:
            still.append(address)
        else:
            yield address, address
    yield from _joined(still)


def _joined(addresses: list[int]) -> Iterator[tuple[int, int]]:
    if len(addresses) > LONG:
        yield addresses[0], addresses[-1]
    else:
        yield from zip(addresses, addresses, strict=True)
