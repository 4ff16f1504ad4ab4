"""Where a row of a register list stands: plain addresses, or Modicon's, which name the table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from handrail_drivers.errors import InvalidValue
from handrail_drivers.modbus.frames import Table

AREAS = {"0": Table.COIL, "1": Table.DISCRETE, "3": Table.INPUT, "4": Table.HOLDING}
SHORT = 5  # digits of Modicon's shorter form
MOST_ADDRESS = 0xFFFF
_PLACE = re.compile(
    r"(?:(?P<hex>0x[0-9a-f]{1,4}|[0-9][0-9a-f]{0,3}h)|(?P<area>[134])x(?P<within>[0-9]{1,6})"
    r"|(?P<digits>[0-9]{1,6}))(?:[.:](?P<bit>[0-9]{1,2}))?"
    r"(?:\s*(?:-|–|\.\.|to)\s*(?P<last>[0-9]{1,6}))?",
    re.IGNORECASE | re.ASCII,
)


class Notation(StrEnum):
    """How addresses are written."""

    AUTO = "auto"
    PLAIN = "plain"
    MODICON = "modicon"


@dataclass(frozen=True, slots=True)
class Written:
    """An address as it is written. ``digits``: of a decimal one; ``number``: of any other."""

    digits: str
    number: int
    area: str = ""
    bit: int | None = None
    count: int | None = None


def written(text: str, is_hex: bool) -> Written:
    """Return the parts of an address.

    Raises:
        InvalidValue: it is none.
    """
    match = _PLACE.fullmatch(f"0x{text}" if is_hex and re.fullmatch("[0-9a-fA-F]+", text) else text)
    if match is None:
        raise InvalidValue(f"{text!r} is no address", field="address", value=text)
    bit = int(match["bit"]) if match["bit"] else None
    if match["hex"]:
        return Written("", int(match["hex"].lower().removesuffix("h"), 16), bit=bit)
    digits = match["within"] or match["digits"]
    last = int(match["last"]) if match["last"] else None
    count = last - int(digits) + 1 if last is not None else None
    if count is not None and count < 1:
        raise InvalidValue(f"{text!r} ends before it begins", field="address", value=text)
    area = match["area"] or ""
    return Written("" if area else digits, int(digits), area, bit, count)


def modicon(place: Written) -> tuple[Table, int] | None:
    """Return table and address from 0 of Modicon's notation; None where it is not that."""
    digits = f"{place.area}{place.number:05}" if place.area else place.digits
    if len(digits) not in (SHORT, SHORT + 1) or digits[0] not in AREAS:
        return None
    within = int(digits[1:])
    return (AREAS[digits[0]], within - 1) if 1 <= within <= MOST_ADDRESS + 1 else None


def looks_like_modicon(
    places: Iterable[tuple[Written, Table | None, bool | None]],
) -> bool:
    """Tell whether all addresses of a list can be Modicon's and agree with their tables.

    Each comes with the table that its row names, and whether its type is a single bit.
    Spreadsheets drop the zeros of a coil's 00001.
    """
    some = False
    for place, table, is_bit in places:
        found = modicon(place)
        if found is None:
            if not (place.digits and place.number >= 1 and (table or is_bit)):
                return False
            if not (table is Table.COIL or (table is None and is_bit)):
                return False
            continue
        if table not in (None, found[0]) or (is_bit is False and found[0].is_bits):
            return False
        some = True
    return some


def resolve(
    place: Written, as_modicon: bool, first: int, table: Table | None
) -> tuple[Table | None, int]:
    """Return table, where it is known, and address from 0.

    Raises:
        InvalidValue: the address is not in any table, or in another than its row says.
    """
    found = modicon(place) if as_modicon or place.area else None
    if found is not None:
        if table not in (None, found[0]):
            raise InvalidValue(
                f"{place.digits} is in the table {found[0]}, its row says {table}", field="address"
            )
        return found
    number = place.number - (1 if as_modicon and place.digits else first)
    if not 0 <= number <= MOST_ADDRESS:
        raise InvalidValue(f"{place.number} is beyond the table", field="address")
    return Table.COIL if as_modicon and table is None else table, number
