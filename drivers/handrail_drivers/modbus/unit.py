"""What an emulated Modbus unit answers to a request. Pure, no I/O.

Source: Modbus Application Protocol Specification v1.1b3, sections 4.3 (tables), 6 (functions 1 to
6, 15, 16, 22, 23, 43/14) and 7 (exception codes).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from handrail_drivers.modbus.frames import EXCEPTION, READS, Table

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE = 1, 2, 3, 4
MOST_READ = {Table.COIL: 2000, Table.DISCRETE: 2000, Table.HOLDING: 125, Table.INPUT: 125}
MOST_WRITTEN = {Table.COIL: 0x7B0, Table.HOLDING: 0x7B}
MOST_EXCHANGED = 0x79  # written by function 23
TABLES = {function: table for table, function in READS.items()}
IDENTITY = 0x0E  # of function 43: read device identification
BASIC = (1, 0x81)  # conformity: the basic objects, by stream and one by one


class Refusal(Exception):
    """An exception code as the answer; never leaves the emulator."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Unit(Protocol):
    """One device. Its cells are 16-bit registers, or bits as 0 and 1."""

    identity: tuple[str, str, str]  # vendor, product, revision

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        """Return cells; raises Refusal where one is not there."""

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        """Set all of these cells, or raise Refusal and set none."""


def answer(body: bytes, unit: Unit) -> bytes:
    """Return what a unit answers to one request, both without framing; it is never silent."""
    function = body[0] if body else 0
    try:
        if function not in _FUNCTIONS:
            raise Refusal(ILLEGAL_FUNCTION)
        return bytes((function,)) + _FUNCTIONS[function](body, unit)
    except Refusal as refused:
        return bytes((function | EXCEPTION, refused.code))
    except struct.error:  # shorter than its function says
        return bytes((function | EXCEPTION, ILLEGAL_VALUE))


def _read(body: bytes, unit: Unit) -> bytes:
    table = TABLES[body[0]]
    address, count = _fields(">HH", body)
    _require(0 < count <= MOST_READ[table])
    return _packed(table, unit.read(table, *_span(address, count)))


def _write_coil(body: bytes, unit: Unit) -> bytes:
    address, value = _fields(">HH", body)
    _require(value in (0, 0xFF00))
    unit.write(Table.COIL, address, (int(value == 0xFF00),))
    return body[1:]


def _write_register(body: bytes, unit: Unit) -> bytes:
    address, value = _fields(">HH", body)
    unit.write(Table.HOLDING, address, (value,))
    return body[1:]


def _write_coils(body: bytes, unit: Unit) -> bytes:
    address, count, size = struct.unpack_from(">HHB", body, 1)
    _require(0 < count <= MOST_WRITTEN[Table.COIL] and size == (count + 7) // 8 == len(body) - 6)
    packed = int.from_bytes(body[6:], "little")
    unit.write(Table.COIL, _span(address, count)[0], [packed >> n & 1 for n in range(count)])
    return body[1:5]


def _write_registers(body: bytes, unit: Unit) -> bytes:
    address, count, size = struct.unpack_from(">HHB", body, 1)
    _require(0 < count <= MOST_WRITTEN[Table.HOLDING] and size == 2 * count == len(body) - 6)
    unit.write(Table.HOLDING, _span(address, count)[0], struct.unpack_from(f">{count}H", body, 6))
    return body[1:5]


def _mask(body: bytes, unit: Unit) -> bytes:
    address, keep, put = _fields(">HHH", body)
    (now,) = unit.read(Table.HOLDING, address, 1)
    unit.write(Table.HOLDING, address, (now & keep | put & ~keep & 0xFFFF,))
    return body[1:]


def _exchange(body: bytes, unit: Unit) -> bytes:
    """Write first, then read: function 23."""
    from_, many, address, count, size = struct.unpack_from(">HHHHB", body, 1)
    _require(0 < many <= MOST_READ[Table.HOLDING] and 0 < count <= MOST_EXCHANGED)
    _require(size == 2 * count == len(body) - 10)
    unit.read(Table.HOLDING, *_span(from_, many))  # refused before anything is set
    unit.write(Table.HOLDING, _span(address, count)[0], struct.unpack_from(f">{count}H", body, 10))
    return _packed(Table.HOLDING, unit.read(Table.HOLDING, from_, many))


def _identify(body: bytes, unit: Unit) -> bytes:
    kind, code, first = _fields(">BBB", body)
    if kind != IDENTITY:
        raise Refusal(ILLEGAL_FUNCTION)
    _require(code == BASIC[0])
    if first >= len(unit.identity):
        first = 0  # as the specification says, from the beginning
    objects = b"".join(_objects(unit.identity, first))
    count = len(unit.identity) - first
    return bytes((IDENTITY, *BASIC, 0, 0, count)) + objects


def _objects(identity: Sequence[str], first: int) -> Iterator[bytes]:
    for number, text in enumerate(identity[first:], start=first):
        yield bytes((number, len(text))) + text.encode("ascii")


_FUNCTIONS: dict[int, Callable[[bytes, Unit], bytes]] = {
    **dict.fromkeys(TABLES, _read),
    5: _write_coil,
    6: _write_register,
    15: _write_coils,
    16: _write_registers,
    22: _mask,
    23: _exchange,
    43: _identify,
}


def _fields(layout: str, body: bytes) -> tuple[int, ...]:
    """Return the fields after the function's code, which have to be all of the request."""
    if len(body) != 1 + struct.calcsize(layout):
        raise Refusal(ILLEGAL_VALUE)
    return struct.unpack_from(layout, body, 1)


def _span(address: int, count: int) -> tuple[int, int]:
    if address + count > 0x10000:
        raise Refusal(ILLEGAL_ADDRESS)
    return address, count


def _require(valid: bool) -> None:
    if not valid:
        raise Refusal(ILLEGAL_VALUE)


def _packed(table: Table, cells: Sequence[int]) -> bytes:
    if not table.is_bits:
        return struct.pack(f">B{len(cells)}H", 2 * len(cells), *cells)
    packed = sum(bit << n for n, bit in enumerate(cells))
    size = (len(cells) + 7) // 8
    return bytes((size,)) + packed.to_bytes(size, "little")
