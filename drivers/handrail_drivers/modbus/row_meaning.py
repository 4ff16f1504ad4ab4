"""What one row of a register list means. What it does not say is guessed, and marked so."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from handrail_drivers.errors import InvalidValue
from handrail_drivers.modbus import vocabulary
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.places import Written
from handrail_drivers.modbus.register_list import Row
from handrail_drivers.modbus.register_map import Bits, Kind

WIDER = {
    (Kind.U16, 2): Kind.U32,
    (Kind.I16, 2): Kind.I32,
    (Kind.U16, 4): Kind.U64,
    (Kind.I16, 4): Kind.I64,
    (Kind.F32, 4): Kind.F64,
}
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]{1,3})?", re.IGNORECASE)
BITS = re.compile(r"(?:bit\s*|b)?([0-9]{1,2})(?:\s*(?:-|\.\.|:)\s*([0-9]{1,2}))?", re.IGNORECASE)
YES = {"yes", "true", "1", "x", "y", "ja", "oui"}
WRITE_ONLY = {"w", "wo", "write", "write only", "writeonly", "write-only"}


@dataclass
class Meaning:
    """A register's keys; those of them that are guessed; and doubts, a sentence each."""

    row: Row
    has_decimal_commas: bool
    parts: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)
    doubts: list[str] = field(default_factory=list)
    strange_unit: str = ""
    is_written: bool = False

    def read(self, table: Table | None, address: int, place: Written) -> None:
        """Read the whole row; table and address are known already.

        Raises:
            InvalidValue: a cell makes no sense; its field is the column.
        """
        bits = bits_of(self.row.get("bit") or ("" if place.bit is None else str(place.bit)))
        kind, length, order = self._kind(table, place.count)
        table = table or self._table(kind, bits)
        self.parts = {"address": address, "table": table.value}
        if table.is_bits:
            self.parts["type"] = kind.value
            return
        self._register(kind, length, order, bits, place)

    def _register(
        self, kind: Kind, length: int | None, order: str, bits: Bits | None, place: Written
    ) -> None:
        self.parts["type"] = kind.value
        if kind is Kind.STRING:
            self.parts["length"] = self._string(length, place.count)
            self._order(order, self.parts["length"], is_text=True)
            return
        self._bits(kind, bits, from_place=place.bit is not None)
        if kind is Kind.BOOL:
            return
        self._order(order, kind.registers)
        self._scaling(kind)
        for side in ("low", "high"):
            if self.row.get(side):
                self.limits[side] = self._number(side)

    # --- type -----------------------------------------------------------------------------------

    def _kind(self, table: Table | None, count: int | None) -> tuple[Kind, int | None, str]:
        said = self.row.get("type")
        if table is not None and table.is_bits and not said:
            return Kind.BOOL, None, ""
        if not said:
            self._doubt("type", "no type is given; a whole number without sign was taken")
        kind, length, order = vocabulary.kind(said) if said else (Kind.U16, None, "")
        registers = count or (self._whole("length") if self.row.get("length") else None)
        if kind is Kind.STRING or registers is None:
            return kind, length, order
        if (kind, registers) in WIDER:
            self._doubt("type", "its length makes its type wider than the word says")
            return WIDER[kind, registers], None, order
        if registers != kind.registers and not (table is not None and table.is_bits):
            raise InvalidValue(
                f"{registers} registers are no {kind}", field="length", value=registers
            )
        return kind, None, order

    def _table(self, kind: Kind, bits: Bits | None) -> Table:
        table = Table.COIL if kind is Kind.BOOL and bits is None else Table.HOLDING
        self._doubt("table", f"no table is given; {table} was taken")
        return table

    def _string(self, characters: int | None, count: int | None) -> int:
        """Return a string's length in registers: the column counts those, brackets characters."""
        if count is not None:
            return count
        if self.row.get("length"):
            return self._whole("length")
        if characters is None:
            raise InvalidValue("a string needs a length", field="type")
        self._doubt("length", "its length was taken for characters, two in a register")
        return (characters + 1) // 2

    def _bits(self, kind: Kind, bits: Bits | None, from_place: bool) -> None:
        if bits is None and kind is Kind.BOOL:
            bits = Bits(low=0)
            self._doubt("bits", "a flag in a register, and which bit is not said; bit 0 was taken")
        if bits is None or (from_place and kind is not Kind.BOOL and bits.low == 0):
            return  # a spreadsheet's 100.0 is no bit
        if kind is Kind.U16 and not self.row.get("type"):
            self.parts["type"] = (Kind.BOOL if bits.width == 1 else Kind.U16).value
        self.parts["bits"] = {"low": bits.low, "width": bits.width}

    def _order(self, of_type: str, count: int, is_text: bool = False) -> None:
        said = self.row.get("order") or of_type
        found = vocabulary.order(said) if said else "ABCD"
        if count < 2 or is_text:
            found = "BADC" if found in ("BADC", "DCBA") else "ABCD"
        elif not said:
            self._doubt("order", "no byte order is given; high word first was taken")
        if found == "DCBA" and said.upper() != "DCBA":
            self._doubt("order", "little-endian was taken for all bytes turned round, DCBA")
        if found != "ABCD" or "order" in self.guessed:
            self.parts["order"] = found

    # --- numbers --------------------------------------------------------------------------------

    def _scaling(self, kind: Kind) -> None:
        factor = self._unit()
        if self.row.get("scale"):
            factor = self._factor("scale")
        elif self.row.get("divisor"):
            factor = 1 / self._nonzero("divisor", self._number("divisor"))
        if factor != 1:
            self.parts["scale"] = self._nonzero("scale", factor)
        if factor > 1 and kind.is_whole:
            self._doubt("scale", "value = raw * scale was taken; some lists mean raw / scale")
        if self.row.get("offset") and (offset := self._number("offset")):
            self.parts["offset"] = offset

    def _unit(self) -> float:
        """Read the unit; return the factor that stands before it, as in ``0.1 V``."""
        said = self.row.get("unit")
        match = re.fullmatch(r"(?:x|\*)?\s*([0-9]+(?:[.,][0-9]+)?)\s*([^0-9/].*)", said)
        factor, word = (match[1], match[2]) if match else ("1", said)
        code = vocabulary.ucum(word)
        if code is None:
            self.strange_unit = said
            self.doubts.append("its unit is not known and is left out")
            return 1.0
        if code != "1":
            self.parts["unit"] = code
        if word in ("C", "c", "F", "f"):
            self._doubt("unit", "C and F were taken for degrees")
        if match:
            self._doubt("scale", "a factor stands before its unit")
        return float(factor.replace(",", "."))

    def _factor(self, column: str) -> float:
        """Return a scale, that may be written as ``x0.1``, ``/10``, ``1/10`` or ``10^-1``."""
        said = re.sub(r"\s+", "", self.row.get(column))
        if power := re.fullmatch(r"(?:[x*])?10(?:\^|\*\*)([+-]?[0-9]{1,2})", said):
            return float(10.0 ** int(power[1]))
        if ratio := re.fullmatch(r"(?P<over>[^/÷:]*)[/÷:](?P<under>[^/÷:]+)", said):
            over = self._parsed(column, ratio["over"]) if ratio["over"] else 1.0
            return over / self._nonzero(column, self._parsed(column, ratio["under"]))
        return self._parsed(column, said.lstrip("x*×X"))

    def _number(self, column: str) -> float:
        return self._parsed(column, self.row.get(column))

    def _parsed(self, column: str, text: str) -> float:
        said = text.replace(" ", "").replace("\N{MINUS SIGN}", "-")
        if self.has_decimal_commas and "," in said:
            said = said.replace(".", "").replace(",", ".")
        value = float(said) if NUMBER.fullmatch(said) else math.nan
        if not math.isfinite(value):
            raise InvalidValue(f"{text!r} is no number", field=column, value=text)
        return value

    def _nonzero(self, column: str, value: float) -> float:
        if value == 0 or not math.isfinite(value):
            raise InvalidValue(f"it makes a scale of {value:g}", field=column, value=value)
        return value

    def _whole(self, column: str) -> int:
        return whole(self.row, column)

    def _doubt(self, key: str, sentence: str) -> None:
        self.guessed.add(key)
        self.doubts.append(sentence)


def whole(row: Row, column: str) -> int:
    """Return a count from a cell.

    Raises:
        InvalidValue: it is none.
    """
    match = re.fullmatch(r"([0-9]{1,4})(?:[.,]0)?", row.get(column))
    if match is None or int(match[1]) == 0:
        raise InvalidValue(f"{row.get(column)!r} is no count", field=column)
    return int(match[1])


def bits_of(said: str) -> Bits | None:
    """Return the bits of a cell, as ``3``, ``bit 3`` or ``0-3``; None where it is empty.

    Raises:
        InvalidValue: these are none.
    """
    if not said:
        return None
    match = BITS.fullmatch(said)
    ends = sorted(int(end) for end in match.groups() if end) if match else [16]
    if ends[-1] > 15:
        raise InvalidValue(f"{said!r} are no bits of a register", field="bit", value=said)
    return Bits(low=ends[0], width=ends[-1] - ends[0] + 1)


def is_write_only(row: Row) -> bool:
    """Tell whether a row can only be written."""
    return row.get("access").lower() in WRITE_ONLY


def is_written(row: Row, function_writes: bool) -> bool:
    """Tell whether a list marks a row as writable."""
    said = row.get("access").lower()
    words = "w" in said or "schreib" in said or said in YES
    return function_writes or (words and "raw" not in said)
