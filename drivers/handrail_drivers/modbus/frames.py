"""Modbus requests and answers as bytes. Pure, no I/O.

Source: Modbus Application Protocol Specification v1.1b3, section 6 (functions) and 7 (exception
codes); Modbus Messaging on TCP/IP v1.0b, section 3.1.3 (MBAP header); Modbus over Serial Line
v1.02, section 2.5.1 (RTU framing).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from fastcrc import crc16

EXCEPTION = 0x80  # added to the function's code in an answer that refuses
EXCEPTIONS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "server device failure",
    5: "acknowledge",
    6: "server device busy",
    7: "negative acknowledge",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target device failed to respond",
}
IDENTIFY = (0x2B, 0x0E)  # read device identification, section 6.21
BASIC = 1  # its objects vendor, product and revision
MBAP = struct.Struct(">HHHB")  # transaction, protocol, length of what follows, unit
DATA = 2  # bytes of an answer to a read before its data: function and size
LONGEST = 253  # bytes of a request or an answer without its framing


class Table(StrEnum):
    """The four tables of a Modbus device."""

    HOLDING = "holding"
    INPUT = "input"
    COIL = "coil"
    DISCRETE = "discrete"

    @property
    def is_bits(self) -> bool:
        """Whether its cells are single bits."""
        return self in (Table.COIL, Table.DISCRETE)


READS = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}


@dataclass(frozen=True, slots=True)
class Request:
    """One request: function and data, and what an answer that is no exception looks like.

    ``size``: bytes of that answer, 0 where only the answer tells; ``begins``: with what it begins.
    ``writes``: it changes something, so that it is not sent twice.
    """

    unit: int
    body: bytes
    size: int
    begins: bytes
    writes: bool = False


def read(unit: int, table: Table, address: int, count: int) -> Request:
    """Ask for ``count`` registers or bits."""
    function = READS[table]
    size = (count + 7) // 8 if table.is_bits else 2 * count
    body = struct.pack(">BHH", function, address, count)
    return Request(unit, body, DATA + size, bytes((function, size)))


def identify(unit: int, first: int = 0) -> Request:
    """Ask for vendor, product and revision, from one of them on."""
    head = bytes((*IDENTIFY, BASIC))
    return Request(unit, head + bytes((first,)), 0, head)


def write_registers(unit: int, address: int, words: Sequence[int]) -> Request:
    """Set holding registers: one with function 6, several with function 16."""
    if len(words) == 1:
        body = struct.pack(">BHH", 6, address, words[0])
        return Request(unit, body, 5, body, writes=True)
    count = len(words)
    head = struct.pack(">BHH", 16, address, count)
    body = head + struct.pack(f">B{count}H", 2 * count, *words)
    return Request(unit, body, 5, head, writes=True)


def write_coil(unit: int, address: int, on: bool) -> Request:
    """Set a coil."""
    body = struct.pack(">BHH", 5, address, 0xFF00 if on else 0)
    return Request(unit, body, 5, body, writes=True)


def words(answer: bytes) -> tuple[int, ...]:
    """Return the registers of an answer to a read."""
    return struct.unpack_from(f">{answer[1] // 2}H", answer, DATA)


def bits(answer: bytes, count: int) -> tuple[int, ...]:
    """Return the bits of an answer to a read, 0 or 1."""
    packed = int.from_bytes(answer[DATA:], "little")
    return tuple(packed >> n & 1 for n in range(count))


def refusal(request: Request, answer: bytes) -> int:
    """Return the exception code of an answer; 0 where it refuses nothing."""
    refuses = len(answer) == 2 and answer[0] == request.body[0] | EXCEPTION
    return answer[1] if refuses else 0


def size_of(request: Request, said: bytes) -> int:
    """Return how long an answer that begins so is, at least."""
    if request.size:
        return request.size
    end = 7  # function, type, code, conformity, more, next, number of objects
    for _ in range(said[6] if len(said) >= end else 0):
        if len(said) < end + 2:
            return end + 2
        end += 2 + said[end + 1]
    return end


def answers(request: Request, answer: bytes) -> bool:
    """Tell whether these bytes, without framing, can answer a request."""
    whole = len(answer) == size_of(request, answer) and answer.startswith(request.begins)
    return whole or refusal(request, answer) != 0


def in_rtu(request: Request) -> bytes:
    """Return a request as it goes over a serial line."""
    frame = bytes((request.unit,)) + request.body
    return frame + crc(frame)


def crc(data: bytes) -> bytes:
    """Return the checksum that ends a frame on a serial line."""
    return crc16.modbus(data).to_bytes(2, "little")
