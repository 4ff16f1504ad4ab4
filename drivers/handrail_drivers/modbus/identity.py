"""What a unit says of itself: read device identification, function 43 / 14."""

from __future__ import annotations

from dataclasses import dataclass

from handrail_drivers.errors import ModbusFault
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.read_only import ReadOnlyLine

MORE = 0xFF
PARTS = 3  # vendor, product, revision: as many requests at most
HEAD = 7  # bytes before the first object


@dataclass(frozen=True, slots=True)
class Identity:
    """Vendor, product code and revision, as the unit writes them; empty where it says none."""

    vendor: str = ""
    product: str = ""
    revision: str = ""


def identity(line: ReadOnlyLine, unit: int) -> Identity | None:
    """Ask a unit what it is; None where it does not say.

    Raises:
        BusLost: the line cannot be opened.
    """
    found: dict[int, str] = {}
    first = 0
    for _ in range(PARTS):
        try:
            answer = line.ask(frames.identify(unit, first))
        except ModbusFault:
            break
        found |= _objects(answer)
        if answer[4] != MORE or answer[5] <= first:
            break
        first = answer[5]
    return Identity(*(found.get(number, "") for number in range(PARTS))) if found else None


def _objects(answer: bytes) -> dict[int, str]:
    found, at = {}, HEAD
    for _ in range(answer[6]):
        number, size = answer[at : at + 2]
        text = answer[at + 2 : at + 2 + size].decode("ascii", "backslashreplace")
        found[number] = text.strip("\0 ")
        at += 2 + size
    return found
