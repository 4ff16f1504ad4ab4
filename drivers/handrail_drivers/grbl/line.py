"""One exchange at a time with a Grbl controller, which also says things unasked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from handrail_drivers.errors import DeviceFault, DeviceGarbled, DeviceSilent
from handrail_drivers.grbl import words
from handrail_drivers.grbl.words import Report
from handrail_drivers.transport import Transport

T = TypeVar("T")
PLENTY = 512  # bytes
QUIET = 0.02  # s without a byte after which a late answer is over
QUIET_LIMIT = 0.1  # s after which a line that never falls quiet is not waited for
LONGEST = 256  # bytes of a line of its own
RESTART = 5  # timeouts that it may take to greet after a reset


class GrblLine:
    """Talks to one controller. ``alarm`` is the number that it told last, 0 since a reset.

    Args:
        name: of the device, for sentences.
        transport: its wire.
        timeout: s, one answer.
    """

    def __init__(self, name: str, transport: Transport, timeout: float) -> None:
        self.alarm = 0
        self._name = name
        self._transport = transport
        self._timeout = timeout
        self._said = b""  # of a line that has not ended yet
        self._unclear = False  # a failed exchange may have left bytes on their way

    def tell(self, byte: bytes) -> None:
        """Send what is obeyed at once and not answered.

        Raises:
            BusLost: the port is gone.
        """
        self._transport.write(byte)

    def look(self) -> Report:
        """Return what it is doing and where it is.

        Raises:
            BusLost: the port is gone.
            DeviceSilent: it does not answer in time.
            DeviceGarbled: it answers something else.
            DeviceFault: it answers nothing until it is reset, and why.
        """
        self._begin()
        self._transport.write(words.STATUS)
        try:
            return self._until(words.report_of, "?", self._timeout)
        except DeviceSilent:
            if self.alarm in words.CRITICAL:
                raise self._locked() from None
            raise

    def ask(self, command: str) -> list[str]:
        """Send a line; return what it said before it took it.

        Raises:
            BusLost, DeviceSilent, DeviceGarbled: as ``look``.
            DeviceFault: it refuses; ``value`` is the number of its error.
        """
        self._begin()
        self._transport.write(command.encode("ascii") + b"\n")
        said: list[str] = []

        def taken(line: str) -> bool | None:
            number = words.number_after("error:", line)
            if number is not None:
                raise self._refused(command, number)
            said.append(line)
            return True if line == "ok" else None

        self._until(taken, command, self._timeout)
        return said[:-1]

    def send(self, command: str) -> None:
        """Send a line whose answer comes once it is done, which nobody waits for."""
        self._begin()
        self._transport.write(command.encode("ascii") + b"\n")

    def pause(self, seconds: float) -> None:
        """Wait a little; what it says meanwhile is kept."""
        self._said += self._transport.read(1, seconds)

    def reset(self) -> None:
        """Have it begin anew, and wait for its greeting: whatever waited in it is gone."""
        self._begin()
        self._transport.write(words.SOFT_RESET)
        self.greeted(RESTART * self._timeout)

    def greeted(self, seconds: float) -> None:
        """Wait until it greets, for so long at most.

        Raises:
            DeviceSilent: it does not.
        """
        self._until(lambda line: line.startswith("Grbl ") or None, "a reset", seconds)

    def _begin(self) -> None:
        """Take notice of what it said unasked; after a failure, wait until it is quiet."""
        if self._unclear:
            limit = time.monotonic() + QUIET_LIMIT
            while self._transport.read(PLENTY, QUIET) and time.monotonic() < limit:
                continue
            self._said, self._unclear = b"", False
            return
        self._said += self._transport.read(PLENTY, 0.0)
        for line in self._lines():
            self._note(line)

    def _until(self, wanted: Callable[[str], T | None], question: str, seconds: float) -> T:
        """Return what the first line that is wanted means."""
        deadline = time.monotonic() + seconds
        self._unclear = True
        while True:
            for line in self._lines():
                self._note(line)
                if (found := wanted(line)) is not None:
                    self._unclear = False
                    return found
                if not words.is_known(line):
                    raise self._garbled(question, line)
            part = self._transport.read(1, max(0.0, deadline - time.monotonic()))
            if not part or len(self._said) > LONGEST:
                raise self._nothing(question)
            self._said += part + self._transport.read(PLENTY, 0.0)

    def _lines(self) -> Iterator[str]:
        """Yield the lines that have ended."""
        while b"\n" in self._said:
            line, _, self._said = self._said.partition(b"\n")
            yield line.decode("ascii", "backslashreplace").strip()

    def _note(self, line: str) -> None:
        if line.startswith("Grbl "):
            self.alarm = 0
        self.alarm = words.number_after("ALARM:", line) or self.alarm

    def _refused(self, command: str, number: int) -> DeviceFault:
        self._unclear = False
        why = words.ERRORS.get(number, "see Grbl's list of errors")
        return DeviceFault(
            f"{self._name} refuses {command!r}: {why} (error {number}).",
            subject=self._name,
            value=number,
        )

    def _locked(self) -> DeviceFault:
        return DeviceFault(
            f"{self._name} is in alarm {self.alarm}, {words.ALARMS[self.alarm]}: it answers "
            "nothing until it is reset.",
            subject=self._name,
            value=self.alarm,
            hint="free the machine from its switch, then reset the cell",
        )

    def _garbled(self, question: str, said: str) -> DeviceGarbled:
        return DeviceGarbled(
            f"{self._name} was asked {question!r} and answered {said[:64]!r}.",
            subject=self._name,
            hint="check that it is a Grbl 1.1 controller with $10=1, and the line's speed",
        )

    def _nothing(self, question: str) -> DeviceFault:
        """Return the error of an answer that has not ended, or not begun."""
        if self._said:
            return self._garbled(question, self._said.decode("ascii", "backslashreplace"))
        return DeviceSilent(
            f"{self._name} did not answer {question!r} in time.",
            subject=self._name,
            hint="check its power and its cable; while it homes it answers nothing",
        )
