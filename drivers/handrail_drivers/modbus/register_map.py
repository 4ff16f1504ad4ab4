"""A register map: which value of a Modbus device stands where, and what it means."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handrail_drivers.api import Effect
from handrail_drivers.errors import InvalidCell
from handrail_drivers.modbus.frames import Table

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]
WIDTH = 16  # bits of a register


class Kind(StrEnum):
    """How a value is stored."""

    BOOL = "bool"
    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    U64 = "u64"
    I64 = "i64"
    F32 = "f32"
    F64 = "f64"
    STRING = "string"

    @property
    def registers(self) -> int:
        """How many registers it takes; 0 for a string, whose length the map tells."""
        if self is Kind.BOOL:
            return 1
        return 0 if self is Kind.STRING else int(self[1:]) // WIDTH

    @property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers."""
        return self[0] in "ui"

    @property
    def range(self) -> tuple[int, int]:
        """Least and greatest raw number of a whole kind."""
        size = int(self[1:])
        return (-(1 << size - 1), (1 << size - 1) - 1) if self[0] == "i" else (0, (1 << size) - 1)


class Bits(BaseModel):
    """A field of bits in one register."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: Annotated[int, Field(ge=0, lt=WIDTH)] = Field(description="lowest bit, 0 the least")
    width: Annotated[int, Field(ge=1, le=WIDTH)] = 1


class Register(BaseModel):
    """One value: where it stands, and what it means. ``value = raw * scale + offset``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    description: Annotated[str, Field(min_length=1)] = Field(description="for people and models")
    address: Annotated[int, Field(ge=0, le=0xFFFF)] = Field(description="as in the frame, from 0")
    table: Table = Table.HOLDING
    type: Kind = Kind.U16
    length: Annotated[int, Field(ge=1, le=123)] | None = Field(
        default=None, description="registers of a string, two characters each"
    )
    order: Order = Field(
        default="ABCD",
        description="of a value over several registers: ABCD high word and high byte first, CDAB "
        "low word first, BADC bytes swapped in each word, DCBA both",
    )
    bits: Bits | None = None
    scale: float = 1.0
    offset: float = 0.0
    unit: str = Field(default="1", description="UCUM code")
    low: float | None = None
    high: float | None = None
    choices: dict[str, int] | None = Field(default=None, description="raw number by name")
    effect: Effect = Field(default=Effect.OBSERVE, description="of writing; observe: it is not")
    poll: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=None, description="Hz at which it is read without being asked for"
    )
    safe: float | bool | str | None = Field(
        default=None, description="written when everything stops, and at the end"
    )
    read_back: bool = Field(default=False, description="read after each writing, and compared")

    @property
    def count(self) -> int:
        """Registers, or bits of a bit table, that it takes."""
        return self.length or self.type.registers

    @property
    def end(self) -> int:
        """The address after its last."""
        return self.address + self.count

    @property
    def writable(self) -> bool:
        """Whether it can be written."""
        return self.effect is not Effect.OBSERVE

    @property
    def raw_range(self) -> tuple[float, float]:
        """Least and greatest raw number that fits."""
        if self.bits is not None:
            return 0, (1 << self.bits.width) - 1
        return self.type.range if self.type.is_whole else (-math.inf, math.inf)


class RegisterMap(BaseModel):
    """All that Handrail knows of one kind of device."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    registers: Annotated[dict[Name, Register], Field(min_length=1)]
    most_registers: Annotated[int, Field(ge=1, le=125)] = Field(
        default=125, description="that the device answers at once"
    )
    most_coils: Annotated[int, Field(ge=1, le=2000)] = 2000
    gap: Annotated[int, Field(ge=0, le=124)] = Field(
        default=0, description="registers without meaning that a read may pass over"
    )


def read_map(data: object, where: str) -> RegisterMap:
    """Return a register map from a table.

    Raises:
        InvalidCell: it contradicts itself; every fault is named.
    """
    try:
        found = RegisterMap.model_validate(data)
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors(include_url=False)
        ]
        raise _invalid(where, faults) from error
    faults = [fault for name, one in found.registers.items() for fault in _faults(name, one)]
    faults += [*_too_long(found), *_overlaps(found)]
    if faults:
        raise _invalid(where, faults)
    return found


def load_map(path: Path) -> RegisterMap:
    """Return a register map from a TOML file.

    Raises:
        InvalidCell: there is none, it is no TOML, or it contradicts itself.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _invalid(path.name, [str(error)]) from error
    return read_map(data, path.name)


def _invalid(where: str, faults: list[str]) -> InvalidCell:
    text = "; ".join(faults)
    return InvalidCell(f"The register map {where} cannot be used: {text}.", faults)


def _faults(name: str, one: Register) -> Iterator[str]:
    """Yield what contradicts itself in one register."""
    where = f"registers.{name}"
    if one.table.is_bits != (one.type is Kind.BOOL):
        if one.table.is_bits:
            yield f"{where}.type: the table {one.table} holds bool, not {one.type}"
        elif one.bits is None or one.bits.width != 1:
            yield f"{where}.type: a bool in the table {one.table} needs bits of width 1"
    if one.writable and one.table in (Table.INPUT, Table.DISCRETE):
        yield f"{where}.effect: the table {one.table} cannot be written"
    if (one.type is Kind.STRING) != (one.length is not None):
        yield f"{where}.length: a string has one, and nothing else does"
    if one.type is Kind.STRING and one.writable:
        yield f"{where}.effect: strings are only read"
    if one.order in ("CDAB", "DCBA") and one.count < 2:
        yield f"{where}.order: {one.order} is for values over several registers"
    if one.end > 0x10000:
        yield f"{where}.address: it ends beyond 65535"
    yield from _bit_faults(where, one)
    yield from _number_faults(where, one)
    yield from _safe_faults(where, one)


def _bit_faults(where: str, one: Register) -> Iterator[str]:
    if one.bits is None:
        return
    if one.type not in (Kind.U16, Kind.BOOL) or one.table.is_bits:
        yield f"{where}.bits: a field of bits is a u16 or a bool in a register"
    if one.bits.low + one.bits.width > WIDTH:
        yield f"{where}.bits: they end beyond bit {WIDTH - 1}"


def _number_faults(where: str, one: Register) -> Iterator[str]:
    numeric = one.type not in (Kind.BOOL, Kind.STRING)
    if not numeric and (one.low, one.high, one.choices) != (None, None, None):
        yield f"{where}: low, high and choices are for numbers"
        return
    if one.scale == 0:
        yield f"{where}.scale: it is 0"
        return
    if one.low is not None and one.high is not None and one.low > one.high:
        yield f"{where}.low: {one.low:g} is above high, {one.high:g}"
    ends = sorted(raw * one.scale + one.offset for raw in one.raw_range) if numeric else []
    for side in ("low", "high"):
        limit = getattr(one, side)
        if limit is not None and not ends[0] <= limit <= ends[1]:
            yield f"{where}.{side}: {limit:g} does not fit, {ends[0]:g} to {ends[1]:g} do"
    if one.choices is not None:
        yield from _choice_faults(where, one, one.choices)


def _choice_faults(where: str, one: Register, choices: dict[str, int]) -> Iterator[str]:
    least, most = one.raw_range
    for name, raw in choices.items():
        if not least <= raw <= most:
            yield f"{where}.choices.{name}: {raw} does not fit, {least} to {most} do"
    if len(set(choices.values())) < len(choices):
        yield f"{where}.choices: two names have one number"
    if not one.type.is_whole or (one.scale, one.offset, one.low, one.high) != (1, 0, None, None):
        yield f"{where}.choices: they are whole raw numbers, without scale, offset, low and high"


def _safe_faults(where: str, one: Register) -> Iterator[str]:
    if one.safe is None:
        return
    if not one.writable:
        yield f"{where}.safe: it is never written"
    wanted = bool if one.type is Kind.BOOL else str if one.choices is not None else (int, float)
    if not isinstance(one.safe, wanted) or (wanted is not bool and isinstance(one.safe, bool)):
        yield f"{where}.safe: {one.safe!r} is not of its type"
    elif one.choices is not None and one.safe not in one.choices:
        yield f"{where}.safe: {one.safe!r} is none of {', '.join(one.choices)}"
    elif isinstance(one.safe, (int, float)) and not isinstance(one.safe, bool):
        low, high = one.low, one.high
        if (low is not None and one.safe < low) or (high is not None and one.safe > high):
            yield f"{where}.safe: {one.safe:g} is beyond low or high"


def _too_long(found: RegisterMap) -> Iterator[str]:
    for name, one in found.registers.items():
        if not one.table.is_bits and one.count > found.most_registers:
            yield f"registers.{name}: the device does not answer {one.count} registers at once"


def _overlaps(found: RegisterMap) -> Iterator[str]:
    """Two values may share registers where both are fields of bits; not else."""
    placed = sorted(found.registers.items(), key=lambda item: (item[1].table, item[1].address))
    for n, (name, one) in enumerate(placed, 1):
        for other_name, other in itertools.islice(placed, n, None):
            if other.table != one.table or one.end <= other.address:
                break  # so are all that follow
            if not (one.bits and other.bits and not _bits_overlap(one.bits, other.bits)):
                yield f"registers.{name} and registers.{other_name} overlap"


def _bits_overlap(one: Bits, other: Bits) -> bool:
    return one.low < other.low + other.width and other.low < one.low + one.width
