"""Reads register maps, and refuses those that contradict themselves."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from handrail_drivers.errors import InvalidCell, InvalidValue
from handrail_drivers.modbus.codec import encode
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.register_map import BIT_KINDS, WIDTH, Kind, Register, RegisterMap

SLACK = 1e-9  # of dividing by the scale


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
    if one.type is Kind.STRING and one.order in ("CDAB", "DCBA"):
        yield f"{where}.order: a text is ABCD, or BADC where the bytes of each register are swapped"
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
    if one.type not in BIT_KINDS or one.table.is_bits:
        yield f"{where}.bits: a field of bits is a u16, u32 or u64, or a bool, in registers"
    elif one.bits.low + one.bits.width > WIDTH * one.count:
        yield f"{where}.bits: they end beyond bit {WIDTH * one.count - 1}"


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
    if one.low is not None and one.high is not None and not _has_value(one, one.low, one.high):
        yield f"{where}: no raw number lies between {one.low:g} and {one.high:g}"
    if one.choices is not None:
        yield from _choice_faults(where, one, one.choices)


def _has_value(one: Register, low: float, high: float) -> bool:
    """Tell whether anything can be written between two limits."""
    if not (one.type.is_whole or one.bits is not None):
        return True
    ends = sorted((limit - one.offset) / one.scale for limit in (low, high))
    return math.floor(ends[1] + SLACK) >= math.ceil(ends[0] - SLACK)


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
    text = one.type is Kind.STRING or one.choices is not None
    wanted = bool if one.type is Kind.BOOL else str if text else (int, float)
    if not isinstance(one.safe, wanted) or (wanted is not bool and isinstance(one.safe, bool)):
        yield f"{where}.safe: {one.safe!r} is not of its type"
    elif one.choices is not None and one.safe not in one.choices:
        yield f"{where}.safe: {one.safe!r} is none of {', '.join(one.choices)}"
    elif one.scale:
        try:
            encode("it", one, one.safe, (0,) * one.count)
        except InvalidValue as error:
            yield f"{where}.safe: {error.message}"


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
            if not _are_fields_of_one(one, other):
                yield f"registers.{name} and registers.{other_name} overlap"


def _are_fields_of_one(one: Register, other: Register) -> bool:
    if one.bits is None or other.bits is None:
        return False
    if (one.address, one.count, one.order) != (other.address, other.count, other.order):
        return False
    return not (
        one.bits.low < other.bits.low + other.bits.width
        and other.bits.low < one.bits.low + one.bits.width
    )
