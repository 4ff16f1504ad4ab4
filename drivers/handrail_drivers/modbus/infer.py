"""A first draft of a register map from a capture of a serial line, or of a TCP connection."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from handrail_drivers.capture import Capture
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.frames import MBAP, READS, Table
from handrail_drivers.modbus.map_draft import Entry, MapDraft, as_toml, nothing
from handrail_drivers.replay import turns

TABLES = {function: table for table, function in READS.items()}
SHORTEST = 4  # bytes of a frame on a serial line


@dataclass(slots=True)
class Seen:
    """What passed of one register."""

    read: list[int] = field(default_factory=list)
    written: list[int] = field(default_factory=list)


def speaks_modbus(capture: Capture) -> bool:
    """Tell whether every question of a capture is a Modbus frame."""
    questions = [turn.question for turn in turns(capture.entries, apart=True)]
    return bool(questions) and all(_body(question) is not None for question in questions)


def infer_map(capture: Capture, name: str) -> MapDraft:
    """Return a draft of the register map of the first unit that a capture asks.

    Raises:
        InvalidCell: nothing was read.
    """
    seen, units = _seen(capture)
    if not seen:
        raise nothing("The capture reads and writes no register.")
    rows = [_entry(table, address, one) for (table, address), one in sorted(seen.items())]
    head = [f"A first draft from {name}: look at every line.", f"unit {units[0]}"]
    text = as_toml(head, {}, (), rows)
    unknown = [sentence for key, one in sorted(seen.items()) for sentence in _unknown(*key, one)]
    if len(units) > 1:
        unknown.insert(0, f"units {', '.join(map(str, units[1:]))} were asked, too: left out")
    return MapDraft(text, unknown, len(rows))


def _seen(capture: Capture) -> tuple[dict[tuple[Table, int], Seen], list[int]]:
    seen: dict[tuple[Table, int], Seen] = {}
    units: list[int] = []
    for turn in turns(capture.entries, apart=True):
        question, answer = _body(turn.question), _body(turn.answer)
        if question is None or answer is None or answer[1][0] & frames.EXCEPTION:
            continue
        if question[0] not in units:
            units.append(question[0])
        if question[0] == units[0]:
            for table, address, value, written in _cells(question[1], answer[1]):
                one = seen.setdefault((table, address), Seen())
                (one.written if written else one.read).append(value)
    return seen, units


def _cells(question: bytes, answer: bytes) -> Iterator[tuple[Table, int, int, bool]]:
    """Yield each register of an exchange: table, address, value, and whether it was written."""
    function, address, count = struct.unpack_from(">BHH", question)
    if function in TABLES:
        table = TABLES[function]
        values = frames.bits(answer, count) if table.is_bits else frames.words(answer)
        for number, value in enumerate(values[:count]):
            yield table, address + number, int(value), False
    elif function == 5:
        yield Table.COIL, address, int(count == 0xFF00), True
    elif function == 6:
        yield Table.HOLDING, address, count, True
    elif function == 16:
        for number, value in enumerate(struct.unpack_from(f">{count}H", question, 6)):
            yield Table.HOLDING, address + number, value, True


def _entry(table: Table, address: int, seen: Seen) -> Entry:
    parts: dict[str, object] = {
        "description": f"What {table} {address} is, nobody has said yet.",
        "address": address,
        "table": str(table),
        "type": "bool" if table.is_bits else "u16",
    }
    guessed = {"type"}
    if seen.written:
        parts |= {"effect": "move", "read_back": bool(seen.read)}
        guessed |= {"effect"}
        if not table.is_bits:
            low, high = min(seen.written), max(seen.written)
            parts |= {"low": float(low), "high": float(max(high, low + 1))}
            guessed |= {"low", "high"}
    return Entry(f"{table}_{address}", parts, frozenset(guessed))


def _unknown(table: Table, address: int, seen: Seen) -> Iterator[str]:
    name = f"{table}_{address}"
    yield f"{name}: its meaning, unit and scale"
    if seen.written:
        yield f"{name}: its limits are what was written in the capture; is its effect to move?"
    if seen.read and len(set(seen.read)) == 1:
        yield f"{name}: it never read otherwise than {seen.read[0]}"


def _body(frame: bytes) -> tuple[int, bytes] | None:
    """Return unit, and function with data, of a frame on a serial line or over TCP."""
    if len(frame) >= SHORTEST and frames.crc(frame[:-2]) == frame[-2:]:
        return frame[0], frame[1:-2]
    if len(frame) > MBAP.size:
        _, protocol, size, unit = MBAP.unpack_from(frame)
        if protocol == 0 and size == len(frame) - MBAP.size + 1:
            return unit, frame[MBAP.size :]
    return None
