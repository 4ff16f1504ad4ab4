"""A scripted bus of servos for driver tests: memory tables, and one way to misbehave at a time."""

from __future__ import annotations

from collections.abc import Callable

from handrail_drivers.errors import BusLost
from handrail_drivers.feetech import codec
from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.codec import Frame, Instruction, Parser


class ServoBank:
    """Implements Transport in memory. ``spoil`` may change the bytes of any reply.

    ``late``: replies stay on their way until the next request has been sent.
    ``late_by``: how many reads in vain precede the reply to the first request, the second...
    """

    def __init__(self, ids: range = range(1, 7)) -> None:
        self.memory = {id: bytearray(reg.TABLE_SIZE) for id in ids}
        for id, table in self.memory.items():
            for register in reg.TABLE:
                self.put(id, register, register.initial)
            table[reg.ID.address] = id
            self.put(id, reg.PRESENT_POSITION, reg.CENTRE)
            self.put(id, reg.GOAL_POSITION, reg.CENTRE)
        self.status = dict.fromkeys(ids, 0)
        self.silent: set[int] = set()
        self.stuck: set[tuple[int, int]] = set()  # (id, address) that take no value
        self.spoil: Callable[[bytes], bytes] = bytes
        self.late = False
        self.late_by: list[int] = []
        self.pulled = False
        self.requests: list[Frame] = []
        self.eeprom_writes: list[tuple[int, int]] = []
        self.reads = 0
        self._parser = Parser()
        self._line = bytearray()
        self._on_their_way = bytearray()
        self._delayed: list[tuple[int, bytes]] = []

    def put(self, id: int, register: reg.Register, value: int) -> None:
        data = register.encode(value).to_bytes(register.size, "little")
        self.memory[id][register.address : register.address + register.size] = data

    def get(self, id: int, register: reg.Register) -> int:
        at = register.address
        return register.decode(int.from_bytes(self.memory[id][at : at + register.size], "little"))

    def write(self, data: bytes) -> None:
        self._check()
        arriving, self._on_their_way = self._on_their_way, bytearray()
        self._line += arriving
        for frame in self._parser.feed(data):
            self.requests.append(frame)
            reply = self.spoil(self._handle(frame))
            reads = self.late_by.pop(0) if self.late_by else 0
            if reads:
                self._delayed.append((reads, reply))
            else:
                (self._on_their_way if self.late else self._line).extend(reply)

    def read(self, size: int, timeout_s: float) -> bytes:
        self._check()
        self.reads += 1
        arriving = b"".join(reply for reads, reply in self._delayed if reads == 0)
        self._line[:0] = arriving
        self._delayed = [(reads - 1, reply) for reads, reply in self._delayed if reads]
        data = bytes(self._line[:size])
        del self._line[:size]
        return data

    def discard_input(self) -> None:
        self._check()
        self._line.clear()

    def close(self) -> None:
        self.pulled = True

    def _check(self) -> None:
        if self.pulled:
            raise BusLost("The port is gone.")

    def _handle(self, frame: Frame) -> bytes:
        match frame.code:
            case Instruction.SYNC_READ:
                address, size, *ids = frame.parameters
                return b"".join(
                    self._answer(id, self.memory[id][address : address + size]) for id in ids
                )
            case Instruction.SYNC_WRITE:
                address, size = frame.parameters[:2]
                rows = frame.parameters[2:]
                for at in range(0, len(rows), size + 1):
                    self._store(rows[at], address, rows[at + 1 : at + 1 + size])
                return b""
            case Instruction.READ:
                address, size = frame.parameters
                return self._answer(
                    frame.id, self.memory.get(frame.id, b"")[address : address + size]
                )
            case Instruction.WRITE:
                self._store(frame.id, frame.parameters[0], frame.parameters[1:])
        return self._answer(frame.id, b"")

    def _read(self, id: int, address: int, size: int) -> bytes:
        return self._answer(id, self.memory.get(id, b"")[address : address + size])

    def _store(self, id: int, address: int, data: bytes) -> None:
        if (id, address) in self.stuck:
            return
        if address < reg.EEPROM_END:
            assert self.memory[id][reg.LOCK.address] == 0, "EEPROM written while locked"
            self.eeprom_writes.append((id, address))
        self.memory[id][address : address + len(data)] = data

    def _answer(self, id: int, data: bytes | bytearray) -> bytes:
        if id not in self.memory or id in self.silent:
            return b""
        return codec.build(id, self.status[id], bytes(data))
