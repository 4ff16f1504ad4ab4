"""A line that several units share: one arbiter, in order of arrival, patient with nobody."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from handrail_drivers.errors import BusLost, ModbusException, ModbusGarbled, ModbusSilent
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.frames import Request
from handrail_drivers.modbus.wires import Wire

FIRST_PAUSE = 0.5  # s that a silent unit is left alone
LONGEST_PAUSE = 10.0  # s
PROMPT = 0.001  # s that an event loop may wait where it is; a hand-over to a thread costs 0.2 ms


@dataclass(slots=True)
class _Pause:
    """How long a unit, or the line, is left alone after it failed."""

    seconds: float = 0.0
    until: float = 0.0

    def failed(self) -> None:
        """Wait twice as long as the last time."""
        self.seconds = min(LONGEST_PAUSE, 2 * self.seconds or FIRST_PAUSE)
        self.until = time.monotonic() + self.seconds

    def well(self) -> None:
        """Forget the past."""
        self.seconds = self.until = 0.0

    @property
    def left(self) -> float:
        """Time until it is tried again [s]."""
        return max(0.0, self.until - time.monotonic()) if self.until else 0.0


class Line:
    """One connection or serial line, shared by the devices on it, from any thread.

    A unit that does not answer costs the time of its own request, then it is left alone for a
    while: its requests fail at once, others go on.

    Args:
        name: for sentences.
        open_wire: opens the port or the connection; raises BusLost.
        timeout: s, one answer.
        retries: how often a read is repeated; a write is sent once.
        pauses: a silent unit is left alone; not where it has the line, and moves something.
    """

    def __init__(
        self,
        name: str,
        open_wire: Callable[[], Wire],
        timeout: float,
        retries: int,
        *,
        pauses: bool = True,
    ) -> None:
        self.name = name
        self._open_wire = open_wire
        self._timeout = timeout
        self._retries = retries
        self._wire: Wire | None = None
        self._queue = _Queue()
        self._closed = False
        self._has_pauses = pauses
        self._line_pause = _Pause()
        self._pauses: dict[int, _Pause] = {}
        self._took = float("inf")  # s, the last answer

    def ask(self, request: Request) -> bytes:
        """Return the answer to a request, function and data.

        Raises:
            BusLost: the port or the connection cannot be opened, or is gone.
            ModbusSilent: the unit does not answer, or has not a moment ago.
            ModbusGarbled: what it answers cannot be understood.
            ModbusException: it refuses.
        """
        pause = self._pauses.setdefault(request.unit, _Pause())
        self._require_patience(request, pause)
        with self._queue.turn():
            self._require_patience(request, pause)
            try:
                answer = self._try(request)
            except (ModbusSilent, ModbusGarbled):
                pause.failed()
                raise
            pause.well()
        return _accepted(request, answer)

    def ask_promptly(self, request: Request) -> bytes | None:
        """Return the answer to a read if it comes within 1 ms; None: whoever can wait may ask.

        For an event loop. Nobody else's turn is waited for, and only a line whose last answer
        was as quick, and whose late answers are known as such, is asked at all.

        Raises:
            ModbusException: the unit refuses.
        """
        if self._took > PROMPT or self._wire is None or not self._wire.numbered:
            return None
        pause = self._pauses.get(request.unit)
        if pause is None or pause.left or not self._queue.taken_at_once():
            return None
        try:
            answer = self._timed(self._wire, request, PROMPT) if self._wire else None
        except ModbusSilent:
            self._took = float("inf")
            return None
        except (BusLost, ModbusGarbled):
            self._drop()
            return None
        finally:
            self._queue.end()
        return answer and _accepted(request, answer)

    def close(self) -> None:
        """Release the port or the connection, once the present exchange has ended."""
        with self._queue.turn():
            self._closed = True
            self._drop()

    def _try(self, request: Request) -> bytes:
        tries = 1 if request.writes else 1 + self._retries
        for left in reversed(range(tries)):
            try:
                return self._exchange(request)
            except (ModbusSilent, ModbusGarbled):
                if not left:
                    raise
            except BusLost:
                if not left or self._line_pause.left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _exchange(self, request: Request) -> bytes:
        wire = self._opened()
        try:
            return self._timed(wire, request, self._timeout)
        except (BusLost, ModbusGarbled) as error:
            if wire.broken or isinstance(error, BusLost):
                self._drop()  # opened anew for the next request
            raise

    def _timed(self, wire: Wire, request: Request, timeout: float) -> bytes:
        began = time.monotonic()
        answer = wire.exchange(request, timeout)
        self._took = time.monotonic() - began
        return answer

    def _opened(self) -> Wire:
        if self._closed:
            raise BusLost(f"The line {self.name} is closed.", subject=self.name)
        if self._line_pause.left:
            raise self._lost()
        if self._wire is None:
            try:
                self._wire = self._open_wire()
            except BusLost:
                self._line_pause.failed()
                raise
            self._line_pause.well()
        return self._wire

    def _drop(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _lost(self) -> BusLost:
        return BusLost(
            f"The line {self.name} could not be opened; it is tried again in "
            f"{self._line_pause.left:.1f} s.",
            subject=self.name,
        )

    def _require_patience(self, request: Request, pause: _Pause) -> None:
        if pause.left and self._has_pauses:
            raise ModbusSilent(
                f"Unit {request.unit} on {self.name} did not answer; it is asked again in "
                f"{pause.left:.1f} s.",
                value=request.unit,
                hint="check its power, its address and the line's speed and parity",
            )


class _Queue:
    """Turns in order of arrival, which a plain lock does not promise."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._taken = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn, and end it."""
        ticket = threading.Lock()
        with self._lock:
            waits = self._taken
            self._taken = True
            if waits:
                ticket.acquire()
                self._waiting.append(ticket)
        if waits:
            ticket.acquire()  # whoever ends its turn releases it; turns end within their timeouts
        try:
            yield
        finally:
            self.end()

    def taken_at_once(self) -> bool:
        """Take one's turn if nobody has it; then :meth:`end` is owed."""
        with self._lock:
            free = not self._taken
            self._taken = True
        return free

    def end(self) -> None:
        """Pass the turn on."""
        with self._lock:
            self._taken = bool(self._waiting)
            if self._waiting:
                self._waiting.popleft().release()


def _accepted(request: Request, answer: bytes) -> bytes:
    """Return an answer that is no refusal."""
    code = frames.refusal(request, answer)
    if code:
        raise refused(request, code)
    return answer


def refused(request: Request, code: int) -> ModbusException:
    """The error of an answer that refuses."""
    name = frames.EXCEPTIONS.get(code, "unknown")
    return ModbusException(
        f"Unit {request.unit} refuses {request.body[:5].hex(' ')}: {name} (exception {code}).",
        value=code,
        hint="check address, table and type in the register map" if code in (1, 2, 3) else "",
    )
