"""A line that several units share: one arbiter, fair to all units, patient with none."""

from __future__ import annotations

import time
from collections.abc import Callable

from handrail_drivers.errors import BusLost, ModbusException, ModbusGarbled, ModbusSilent
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.frames import Request
from handrail_drivers.modbus.pause import Pause
from handrail_drivers.modbus.turns import Turns
from handrail_drivers.modbus.wires import Wire

LONGEST_LOST = 1.0  # s that a line is left alone: one that is plugged in again is soon back
PROMPT = 0.001  # s that an event loop may wait where it is; a hand-over to a thread costs 0.2 ms
SLOW = 2  # late answers in a row: one alone may be the machine's
KINDS = {kind.number: kind for kind in ModbusException.__subclasses__()}
ILLEGAL = (1, 2, 3)  # exceptions that the register map is to blame for
Allowed = Callable[[], None]


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
        self._turns = Turns()
        self._closed = False
        self._has_pauses = pauses
        self._line_pause = Pause(LONGEST_LOST)
        self._pauses: dict[int, Pause] = {}
        self._gone: set[int] = set()  # units that were, since they last answered
        self._returns: dict[int, list[Callable[[], None]]] = {}
        self._took = 0.0  # s, the last answer
        self._late = SLOW  # answers in a row that were not prompt; none was yet

    def ask(
        self, request: Request, *, urgent: bool = False, allowed: Allowed | None = None
    ) -> bytes:
        """Return the answer to a request, function and data.

        Args:
            request: a read, or a write.
            urgent: before all others, also while the unit is left alone or is not heard, and
                repeated though it writes: for what may be said twice.
            allowed: called when its turn has come; raises where it may not be sent any more.

        Raises:
            BusLost: the port or the connection cannot be opened, or is gone.
            ModbusSilent: the unit does not answer, or has not a moment ago.
            ModbusGarbled: what it answers cannot be understood.
            ModbusException: it refuses.
        """
        pause = self._pause(request.unit)
        if pause.until and not urgent:
            self._require_patience(request, pause)
        self._turns.take(request.unit, urgent=urgent)
        try:
            if pause.until and not urgent:  # it may have failed meanwhile
                self._require_patience(request, pause)
            if allowed is not None:
                allowed()
            answer = self._tried(request, pause, urgent)
        finally:
            self._turns.end()
        return _accepted(request, answer)

    def ask_promptly(self, request: Request) -> bytes | None:
        """Return the answer to a read if it comes within 1 ms; None: whoever can wait may ask.

        For an event loop. Nobody else's turn is waited for, and only a line that was as quick of
        late, and whose late answers are known as such, is asked at all. Who can wait and asks the
        same request at once waits on for this answer.

        Raises:
            ModbusException: the unit refuses.
        """
        pause = self._pauses.get(request.unit)
        if self._late >= SLOW or pause is None or pause.until:
            return None
        if not self._turns.taken_at_once():
            return None
        try:
            wire = self._wire
            if wire is None or not wire.numbered:
                return None
            answer = self._timed(wire, request, PROMPT, briefly=True)
        except ModbusSilent:
            return None
        except (BusLost, ModbusGarbled):
            self._drop()
            return None
        finally:
            self._turns.end()
        return _accepted(request, answer)

    def is_silent(self, unit: int) -> bool:
        """Tell whether a unit was asked in vain more than once, or the line itself is gone."""
        pause = self._pauses.get(unit)
        return self._line_pause.is_gone or (pause is not None and pause.is_gone)

    def on_return(self, unit: int, act: Callable[[], None]) -> None:
        """Have something done, which does not wait, whenever a unit that was silent answers."""
        self._returns.setdefault(unit, []).append(act)

    def close(self) -> None:
        """Release the port or the connection, once the present exchange has ended."""
        self._turns.take(0, urgent=True)
        self._closed = True
        self._drop()
        self._turns.end()

    def _pause(self, unit: int) -> Pause:
        return self._pauses.get(unit) or self._pauses.setdefault(unit, Pause())

    def _tried(self, request: Request, pause: Pause, urgent: bool) -> bytes:
        """Return the answer; what came of it is remembered of the unit."""
        try:
            timeout = self._timeout if urgent else pause.patience(self._timeout)
            answer = self._repeated(request, self._tries(request, pause, urgent), urgent, timeout)
        except (ModbusSilent, ModbusGarbled):
            if not (urgent and pause.left):  # who is asked out of turn is not punished for it
                pause.failed()
            self._note_gone()
            raise
        except BusLost:
            self._note_gone()
            raise
        pause.answered(self._took)
        if request.unit in self._gone:
            self._gone.discard(request.unit)
            for act in self._returns[request.unit]:
                act()
        return answer

    def _note_gone(self) -> None:
        self._gone |= {unit for unit in self._returns if self.is_silent(unit)}

    def _tries(self, request: Request, pause: Pause, urgent: bool) -> int:
        if urgent:  # a loop, whose own line never pauses, says it again on its next tick
            return 1 + (max(1, self._retries) if self._has_pauses else self._retries)
        return 1 if request.writes or (pause.until and self._has_pauses) else 1 + self._retries

    def _repeated(self, request: Request, tries: int, urgent: bool, timeout: float) -> bytes:
        for left in reversed(range(tries)):
            try:
                return self._exchange(request, urgent, timeout)
            except (ModbusSilent, ModbusGarbled):
                if not left:
                    raise
            except BusLost:
                if not left or self._line_pause.left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _exchange(self, request: Request, urgent: bool, timeout: float) -> bytes:
        wire = self._opened(urgent)
        if request.writes and wire.has_ended():  # nothing was sent: a new one serves as well
            self._drop()
            wire = self._opened(urgent)
        try:
            return self._timed(wire, request, timeout, blindly=urgent and request.writes)
        except (BusLost, ModbusGarbled) as error:
            if wire.broken or isinstance(error, BusLost):
                self._drop()  # opened anew for the next request
            raise

    def _timed(
        self,
        wire: Wire,
        request: Request,
        timeout: float,
        *,
        blindly: bool = False,
        briefly: bool = False,
    ) -> bytes:
        answer = wire.exchange(request, timeout, blindly=blindly, briefly=briefly)
        self._took = time.monotonic() - wire.sent
        self._late = 0 if self._took <= PROMPT else self._late + 1
        return answer

    def _opened(self, urgent: bool) -> Wire:
        if self._wire is not None:
            return self._wire
        if self._closed:
            raise BusLost(f"The line {self.name} is closed.", subject=self.name)
        if self._line_pause.left and not urgent:
            raise self._lost()
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

    def _require_patience(self, request: Request, pause: Pause) -> None:
        if pause.left and self._has_pauses:
            raise ModbusSilent(
                f"Unit {request.unit} on {self.name} did not answer; it is asked again in "
                f"{pause.left:.1f} s.",
                value=request.unit,
                hint="check its power, its address and the line's speed and parity",
            )


def _accepted(request: Request, answer: bytes) -> bytes:
    """Return an answer that is no refusal."""
    if answer[0] & frames.EXCEPTION and (code := frames.refusal(request, answer)):
        raise refused(request, code)
    return answer


def refused(request: Request, code: int, name: str = "") -> ModbusException:
    """The error of an answer that refuses; ``name``: where the device has its own for the code."""
    kind = KINDS.get(code, ModbusException)
    said = name or frames.EXCEPTIONS.get(code, "unknown")
    return kind(
        f"Unit {request.unit} refuses {request.body[:5].hex(' ')}: {said} (exception {code}).",
        value=code,
        hint="check address, table and type in the register map" if code in ILLEGAL else "",
    )
