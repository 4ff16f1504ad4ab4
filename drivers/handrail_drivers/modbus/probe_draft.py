"""The first draft of a register map from what a probe has found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from handrail_drivers.modbus.guesses import Guess, likely
from handrail_drivers.modbus.map_draft import Entry, MapDraft, as_toml, nothing
from handrail_drivers.modbus.probe import Probe, TableFound
from handrail_drivers.modbus.register_map import Kind

LONG = 16  # cells in a row, all 0 and still, that are left out


def draft_map(found: Probe) -> MapDraft:
    """Return a map of everything that can be read; nothing in it is written.

    Raises:
        InvalidCell: nothing can be read.
    """
    draft = MapDraft(unknown=list(_unknown(found)))
    keys, guessed = _limits(found.tables)
    most = keys.get("most_registers", 1)
    entries = [entry for table in found.tables for entry in _entries(table, most, draft.unknown)]
    if not entries:
        raise nothing(
            f"Unit {found.unit} has nothing between {found.first} and {found.last} that is worth "
            "a map: nothing can be read, or all of it is 0."
        )
    head = [
        f"Unit {found.unit}, probed from {found.first} to {found.last}: look at every line marked "
        "guessed.",
    ]
    draft.text = as_toml(head, keys, guessed, entries)
    draft.registers = len(entries)
    return draft


def _limits(tables: Iterable[TableFound]) -> tuple[dict[str, int], list[str]]:
    """Return what the device answers at once; guessed where nothing longer was refused."""
    keys: dict[str, int] = {}
    guessed = []
    for key, bits in (("most_registers", False), ("most_coils", True)):
        known = [one for one in tables if one.table.is_bits == bits and one.longest]
        if known:
            limits = [one.longest for one in known if one.is_limit]
            keys[key] = min(limits) if limits else max(one.longest for one in known)
            guessed += [] if limits else [key]
    return keys, guessed


def _unknown(found: Probe) -> Iterator[str]:
    yield "registers: what they mean, their units and scales are not known; rename and describe"
    yield "registers.*.type: guessed from one look; two whole numbers may be one over two registers"
    yield "registers.*.effect: nothing is written before somebody gives effect, low, high and safe"
    yield "registers.*.order: a guess for the whole device; compare one value with its display"
    for table in found.tables:
        if table.note:
            yield f"{table.table}: {table.note}"


def _entries(found: TableFound, most: int, unknown: list[str]) -> Iterator[Entry]:
    cells = found.cells
    meanings = likely(cells, most) if not found.table.is_bits else {}
    runs = _still(found)
    still = {at for run in runs for at in run}
    unknown += [f"{found.table} {run[0]} to {run[-1]}: all 0, left out" for run in runs]
    for address in sorted(cells if found.table.is_bits else meanings):
        guess = meanings.get(address)
        if address in still and (guess is None or guess.count == 1):
            continue
        yield _word(found, address, guess) if guess else _bit(found, address)


def _still(found: TableFound) -> list[range]:
    """Return long stretches of cells that are 0 and do not change."""
    cells = found.cells
    runs: list[range] = []
    for at in sorted(at for at, cell in cells.items() if not cell and at not in found.changed):
        joined = bool(runs) and runs[-1].stop == at
        runs.append(range(runs.pop().start if joined else at, at + 1))
    return [run for run in runs if len(run) > LONG]


def _bit(found: TableFound, address: int) -> Entry:
    description = f"{found.table} {address}, was {found.cells[address]}{_change(found, [address])}"
    parts = {"description": description, "address": address, "table": found.table.value}
    return Entry(f"{found.table}_{address}", {**parts, "type": "bool"}, frozenset({"description"}))


def _word(found: TableFound, address: int, guess: Guess) -> Entry:
    places = range(address, address + guess.count)
    parts = {
        "description": f"{found.table} {address}, was {guess.value}{_change(found, places)}",
        "address": address,
        "table": found.table.value,
        "type": guess.type.value,
    }
    if guess.type is Kind.STRING:
        parts["length"] = guess.count
    elif guess.count > 1:
        parts["order"] = guess.order
    guessed = frozenset({"description", "type", "order", "length"})
    return Entry(f"{found.table}_{address}", parts, guessed)


def _change(found: TableFound, places: Iterable[int]) -> str:
    return ", changes" if any(place in found.changed for place in places) else ""
