"""A first draft of a register map from a vendor's register list.

Nothing becomes writable by being imported: what the list marks as writable is read, and the draft
says what a person has to add. A row that makes no sense is left out with a sentence.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable

from handrail_drivers.errors import HandrailError, InvalidValue
from handrail_drivers.modbus import places, vocabulary
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.map_draft import Entry, MapDraft, as_toml, fits, nothing, printable
from handrail_drivers.modbus.places import Notation, Written
from handrail_drivers.modbus.register_list import RegisterList, Row, read_list
from handrail_drivers.modbus.register_map import Kind, Register
from handrail_drivers.modbus.row_meaning import Meaning, is_write_only, is_written

SHOWN = 10  # names behind one sentence


def import_map(
    text: str,
    source: str,
    first_address: int = 0,
    notation: Notation = Notation.AUTO,
    unit: int | None = None,
) -> MapDraft:
    """Return a draft of the map that a register list describes; it loads.

    Args:
        text: of the list, CSV.
        source: where it comes from, for a comment.
        first_address: what the list calls the first register of a table, 0 or 1.
        notation: how it writes addresses.
        unit: leave out the rows of other units.

    Raises:
        InvalidCell: nothing in it can be used; every fault is named.
    """
    return _Importer(read_list(text), source, first_address, notation, unit).draft()


class _Importer:
    """Writes the draft of one list, row by row."""

    def __init__(
        self,
        found: RegisterList,
        source: str,
        first_address: int,
        notation: Notation,
        unit: int | None,
    ) -> None:
        self._list, self._source, self._first = found, printable(source), first_address
        self._draft = MapDraft()
        self._rows = [row for row in found.rows if _is_of(row, unit)]
        self._sort_types_out()
        self._is_modicon = self._notation(notation)
        self._entries: list[Entry] = []
        self._names: set[str] = set()
        self._taken: dict[tuple[Table, int], tuple[int, str]] = {}  # bits of each, and whose
        self._doubts: dict[str, list[str]] = {}  # names by sentence
        self._writable: list[str] = []

    def draft(self) -> MapDraft:
        """Return the whole of it."""
        for row in self._rows:
            try:
                self._add(row)
            except HandrailError as error:
                self._leave_out(row, error)
        unknown = self._draft.unknown
        if not self._entries:
            raise nothing(f"Nothing in {self._source} can be used.", unknown)
        unknown[:0] = [*self._general(), *self._doubted(), *self._writable]
        head = [
            f"Imported from {self._source}: look at every line marked guessed.",
            "Nothing is written before somebody gives a register effect, low, high and safe.",
        ]
        self._draft.text = as_toml(head, {}, (), self._entries)
        self._draft.registers = len(self._entries)
        return self._draft

    # --- rows -----------------------------------------------------------------------------------

    def _add(self, row: Row) -> None:
        meaning = self._meaning(row)
        name = self._name(row, meaning)
        entry = self._fitting(row, name, meaning)
        self._claim(fits(name, entry.parts), name)
        self._entries.append(entry)
        self._names.add(name)
        for doubt in meaning.doubts:
            self._doubts.setdefault(doubt, []).append(f"{name} (line {row.line})")
        if meaning.is_written:
            self._writable.append(_to_do(f"{name} (line {row.line})", meaning))

    def _meaning(self, row: Row) -> Meaning:
        """Return what a row says.

        Raises:
            InvalidValue: a cell of it cannot be.
        """
        if is_write_only(row):
            raise InvalidValue("it can only be written, and nothing imported is", field="access")
        place = self._written(row)
        named, _ = self._table(row)
        table, address = places.resolve(place, self._is_modicon, self._first, named)
        meaning = Meaning(row, self._list.has_decimal_commas)
        meaning.read(table, address, place)
        meaning.is_written |= is_written(row, self._table(row)[1])
        return meaning

    def _fitting(self, row: Row, name: str, meaning: Meaning) -> Entry:
        """Return a register's entry, without limits where they do not fit."""
        parts = {"description": self._description(row, meaning), **meaning.parts}
        limits = {side: meaning.limits[side] for side in ("low", "high") if side in meaning.limits}
        try:
            fits(name, parts | limits)
        except HandrailError as error:
            fits(name, parts)
            self._draft.unknown.append(
                f"line {row.line}, {name}: min and max are left out: {_why(error)}"
            )
            limits = {}
        guessed = frozenset(meaning.guessed | set(limits))
        return Entry(name, parts | limits, guessed, f"line {row.line} of the list")

    def _claim(self, one: Register, name: str) -> None:
        """Take the places of a register.

        Raises:
            InvalidValue: another row has them.
        """
        width, low = (one.bits.width, one.bits.low) if one.bits else (16, 0)
        mask = ((1 << width) - 1) << low
        spots = [(one.table, address) for address in range(one.address, one.end)]
        for spot in spots:
            taken, other = self._taken.get(spot, (0, ""))
            if taken & mask:
                raise InvalidValue(f"{other} stands there already", field="address")
        for spot in spots:
            self._taken[spot] = (self._taken.get(spot, (0, ""))[0] | mask, name)

    def _name(self, row: Row, meaning: Meaning) -> str:
        where = f"{meaning.parts['table']}_{meaning.parts['address']}"
        name = vocabulary.identifier(row.get("name")) or where
        number = next(n for n in itertools.count(1) if _numbered(name, n) not in self._names)
        if number > 1:
            meaning.doubts.append("this name is in the list more than once; a number was added")
        return _numbered(name, number)

    def _description(self, row: Row, meaning: Meaning) -> str:
        said = " ".join(row.get("description").split()) or row.get("name")
        more = f" (unit in the list: {meaning.strange_unit})" if meaning.strange_unit else ""
        words = printable(f"{said}{more}")
        return words or f"{meaning.parts['table']} {meaning.parts['address']}"

    # --- addresses ------------------------------------------------------------------------------

    def _written(self, row: Row) -> Written:
        if not row.get("address"):
            raise InvalidValue("it is empty", field="address")
        header = self._list.headers["address"]
        return places.written(row.get("address"), "hex" in header.lower())

    def _table(self, row: Row) -> tuple[Table | None, bool]:
        return vocabulary.table(row.get("table")) if row.get("table") else (None, False)

    def _notation(self, notation: Notation) -> bool:
        if notation is not Notation.AUTO:
            return notation is Notation.MODICON
        seen = []
        for row in self._rows:
            try:
                kind = vocabulary.kind(row.get("type"))[0] if row.get("type") else None
                is_bit = None if kind is None else kind is Kind.BOOL and not row.get("bit")
                seen.append((self._written(row), self._table(row)[0], is_bit))
            except InvalidValue:
                continue
        return places.looks_like_modicon(seen)

    def _sort_types_out(self) -> None:
        """Take a column of types for one of tables where it names those."""
        said = {row.get("type") for row in self._rows} - {""}
        if "table" not in self._list.headers and any(_is_table_alone(word) for word in said):
            self._list.headers["table"] = self._list.headers.pop("type")
            for row in self._rows:
                row.cells["table"] = row.cells.pop("type", "")

    # --- sentences ------------------------------------------------------------------------------

    def _leave_out(self, row: Row, error: HandrailError) -> None:
        column = self._list.headers.get(error.field, "")
        where = f"line {row.line}, column {column!r}" if column else f"line {row.line}"
        self._draft.unknown.append(f"{where}: left out: {_why(error)}")

    def _general(self) -> Iterable[str]:
        if self._is_modicon:
            yield (
                "addresses: taken for Modicon's (40001 is holding register 0); if they are plain "
                "ones, import with --notation plain"
            )
        elif self._first == 0:
            yield (
                "addresses: taken as in the frame, from 0; if the list counts from 1, import with "
                "--first-address 1"
            )
        units = {row.get("slave") for row in self._rows if row.get("slave")}
        if len(units) > 1:
            yield f"units: the list has {len(units)}, a map is of one: import with --unit N"
        if self._list.unused:
            yield f"columns that were not used: {', '.join(map(repr, self._list.unused))}"

    def _doubted(self) -> Iterable[str]:
        for sentence, names in self._doubts.items():
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            yield f"{sentence}: {', '.join(names[:SHOWN])}{more}"


def _to_do(name: str, meaning: Meaning) -> str:
    """Say what a person has to do before a register that is marked writable is written."""
    if meaning.parts["table"] in (Table.INPUT, Table.DISCRETE):
        return f"{name}: marked writable, in a table that cannot be written; it is only read"
    limits = "" if meaning.parts["type"] == Kind.BOOL else "low and high, "
    return (
        f"{name}: marked writable; it is only read. To let it be written add "
        f'effect = "configure" or "move", {limits}and safe'
    )


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"


def _is_of(row: Row, unit: int | None) -> bool:
    return unit is None or not row.get("slave") or row.get("slave") == str(unit)


def _is_table_alone(word: str) -> bool:
    """Tell whether a word names a table and no type."""
    try:
        vocabulary.kind(word)
    except InvalidValue:
        with contextlib.suppress(InvalidValue):
            return bool(vocabulary.table(word))
    return False


def _why(error: HandrailError) -> str:
    faults = getattr(error, "faults", ())
    return "; ".join(faults) or error.message
