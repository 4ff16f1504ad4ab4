"""One exchange on a wire: a request goes out, and nothing but its own answer comes back."""

from __future__ import annotations

import time
from typing import Protocol

from handrail_drivers.errors import ModbusGarbled, ModbusSilent
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.frames import MBAP, Request, Table
from handrail_drivers.socket_port import SocketPort
from handrail_drivers.transport import Transport

SHORTEST = 5  # bytes of an RTU frame: unit, function, one of data, checksum
PLENTY = 256  # bytes: more than a frame has
CHARACTER = 11  # bits on a serial line, with start, parity and stop
FASTEST_GAP = 0.00175  # s: above 19200 bit/s the silence between frames stays as long
PROBES = (Table.INPUT, Table.HOLDING, Table.COIL, Table.DISCRETE)
MOST_OWED = len(PROBES) - 1  # that are remembered: one function is left to ask with
SHOWN = 24  # bytes of a garbled answer
WAITS_ON = 0.01  # s in which a request that was made briefly is not sent again


class Wire(Protocol):
    """Carries one request at a time. ``broken``: only opening it anew helps.

    ``numbered``: an answer that comes too late is known as such, whatever was asked since.
    ``sent`` [s]: monotonic, when the last request went out.
    """

    broken: bool
    numbered: bool
    sent: float

    def exchange(
        self, request: Request, timeout: float, *, blindly: bool = False, briefly: bool = False
    ) -> bytes:
        """Return the answer, function and data, within ``timeout`` [s].

        ``blindly``: it is sent although its answer could not be told from a late one, which is
        an error all the same. ``briefly``: what does not come in time is waited for on by whoever
        asks the same next, at once; only where ``numbered``.

        Raises:
            BusLost: the port or the connection is gone.
            ModbusSilent: no answer in time.
            ModbusGarbled: something came that is no answer to this request.
        """

    def has_ended(self) -> bool:
        """Tell whether the other side has closed it, before anything is sent in vain."""

    def close(self) -> None:
        """Release the port or the connection; safe to call twice."""


class TcpWire:
    """Modbus TCP. An answer that comes too late is known by its transaction, and dropped."""

    numbered = True

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._transaction = 0
        self._brief: Request | None = None  # what was asked so last, in vain
        self.sent = 0.0
        self.broken = False
        self.dropped = 0  # answers that came too late

    def exchange(
        self, request: Request, timeout: float, *, blindly: bool = False, briefly: bool = False
    ) -> bytes:
        """Send a request and return its answer."""
        del blindly  # answers have numbers
        now = time.monotonic()
        if self._brief is not request or now > self.sent + WAITS_ON:
            self._send(request)
        self._brief = request if briefly else None
        answer = self._answer(request, now + timeout)
        self._brief = None
        return answer

    def _send(self, request: Request) -> None:
        self.sent = time.monotonic()
        self._transaction = self._transaction % 0xFFFF + 1
        head = MBAP.pack(self._transaction, 0, len(request.body) + 1, request.unit)
        self._transport.write(head + request.body)

    def _answer(self, request: Request, deadline: float) -> bytes:
        while True:
            transaction, unit, answer = self._receive(request, deadline)
            if transaction != self._transaction:
                self.dropped += 1
            elif unit == request.unit and frames.answers(request, answer):
                return answer
            else:
                raise self._garbled(request, answer)

    def has_ended(self) -> bool:
        """Tell whether the device has closed the connection."""
        return _has_ended(self._transport)

    def close(self) -> None:
        """Release the connection."""
        self._transport.close()

    def _receive(self, request: Request, deadline: float) -> tuple[int, int, bytes]:
        """Return transaction, unit and answer of the next frame."""
        head = self._transport.read(MBAP.size, max(0.0, deadline - time.monotonic()))
        if not head:
            raise silent(request)
        if len(head) < MBAP.size:
            raise self._garbled(request, head)
        transaction, protocol, size, unit = MBAP.unpack(head)
        if protocol or not 2 < size <= frames.LONGEST + 1:
            raise self._garbled(request, head)
        answer = self._transport.read(size - 1, max(0.0, deadline - time.monotonic()))
        if len(answer) < size - 1:
            raise self._garbled(request, head + answer)
        return transaction, unit, answer

    def _garbled(self, request: Request, said: bytes) -> ModbusGarbled:
        """Nobody knows any more where a frame begins: only a new connection helps."""
        self.broken = True
        return garbled(request, said)


class RtuWire:
    """Modbus RTU over a serial line, or over TCP as simple gateways pass it on.

    Its frames have no number, so that an answer that comes too late could pass for the next one.
    But a unit answers in order: one that owes an answer is first asked something with another
    function, and what it says before it answers that is dropped.
    """

    broken = False  # silence ends whatever was garbled
    numbered = False

    def __init__(self, transport: Transport, baud: int, gap: float | None = None) -> None:
        """``gap`` [s]: the silence between frames; None: 3.5 characters, 1.75 ms at least.

        Source: Modbus over serial line, specification V1.02, section 2.5.1.1.
        """
        self._transport = transport
        self._gap = max(FASTEST_GAP, 3.5 * CHARACTER / baud) if gap is None else gap
        self._heard = time.monotonic() - self._gap  # s, when the last byte went or came
        self.sent = 0.0
        self._owed: dict[int, list[Request]] = {}  # what units may still answer, in order
        self.dropped = 0

    def exchange(
        self, request: Request, timeout: float, *, blindly: bool = False, briefly: bool = False
    ) -> bytes:
        """Send a request and return its answer."""
        del briefly  # answers have no numbers
        self._transport.discard_input()
        if request.unit in self._owed:
            try:
                self._ask(_probe(request.unit, self._owed[request.unit]), timeout)
            except (ModbusSilent, ModbusGarbled):
                if blindly:  # it may hear us though we do not hear it
                    self._send(request)
                raise
        return self._ask(request, timeout)

    def has_ended(self) -> bool:
        """Tell whether a gateway has closed the connection; a serial line does not say."""
        return _has_ended(self._transport)

    def close(self) -> None:
        """Release the port."""
        self._transport.close()

    def _ask(self, request: Request, timeout: float) -> bytes:
        self._send(request)
        deadline = time.monotonic() + timeout
        while True:
            head = self._read(SHORTEST, deadline)
            if not head:
                raise silent(request)
            if len(head) < SHORTEST:
                raise garbled(request, head)
            unit, function = head[0], head[1] & ~frames.EXCEPTION
            if (unit, function) == (request.unit, request.body[0]):
                return self._whole(request, head, deadline)
            late = self._answered(unit, function)
            if late is None:
                self._transport.read(PLENTY, self._gap)
                raise garbled(request, head)
            self._rest(late, head, deadline)
            self.dropped += 1

    def _answered(self, unit: int, function: int) -> Request | None:
        """Return what a unit owed and answers now; what it owed before that comes no more."""
        owed = self._owed.pop(unit, [])
        for number, one in enumerate(owed):
            if one.body[0] == function:
                if rest := owed[number + 1 :]:
                    self._owed[unit] = rest
                return one
        if owed:
            self._owed[unit] = owed
        return None

    def _send(self, request: Request) -> None:
        time.sleep(max(0.0, self._heard + self._gap - time.monotonic()))
        self._transport.write(frames.in_rtu(request))
        self._heard = self.sent = time.monotonic()
        owed = [*self._owed.get(request.unit, ()), request]
        self._owed[request.unit] = owed[-MOST_OWED:]

    def _whole(self, request: Request, head: bytes, deadline: float) -> bytes:
        """Return the answer that begins so."""
        frame = self._rest(request, head, deadline)
        del self._owed[request.unit]
        if frames.crc(frame[:-2]) == frame[-2:] and frames.answers(request, frame[1:-2]):
            return frame[1:-2]
        self._transport.read(PLENTY, self._gap)
        raise garbled(request, frame)

    def _rest(self, request: Request, head: bytes, deadline: float) -> bytes:
        """Return the whole frame that begins so and answers a request."""
        if head[1] & frames.EXCEPTION:
            return head
        frame, left = head, frames.size_of(request, head[1:]) + 3 - SHORTEST
        while left > 0 and (part := self._read(left, deadline)):
            frame += part
            left = frames.size_of(request, frame[1:]) + 3 - len(frame)
        return frame

    def _read(self, size: int, deadline: float) -> bytes:
        said = self._transport.read(size, max(0.0, deadline - time.monotonic()))
        self._heard = time.monotonic() if said else self._heard
        return said


def _has_ended(transport: Transport) -> bool:
    return isinstance(transport, SocketPort) and transport.has_ended()


def _probe(unit: int, owed: list[Request]) -> Request:
    """Ask for anything, with another function than what is owed; to refuse is an answer too."""
    functions = {one.body[0] for one in owed}
    table = next(one for one in PROBES if frames.READS[one] not in functions)
    return frames.read(unit, table, 0, 1)


def silent(request: Request) -> ModbusSilent:
    """The error of a unit that says nothing."""
    return ModbusSilent(
        f"Unit {request.unit} does not answer.",
        value=request.unit,
        hint="check its power, its address and the line's speed and parity",
    )


def garbled(request: Request, said: bytes) -> ModbusGarbled:
    """The error of an answer that is none."""
    return ModbusGarbled(
        f"Unit {request.unit} was asked {request.body[:5].hex(' ')}, and what came is no answer "
        f"to that: {said[:SHOWN].hex(' ')}.",
        value=request.unit,
        hint="check the wiring, the line's speed and parity, and that no two units share a number",
    )
