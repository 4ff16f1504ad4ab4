"""One exchange at a time with a Grbl controller."""

from __future__ import annotations

from typing import ClassVar

from handrail_drivers.errors import DeviceFault, DeviceSilent
from handrail_drivers.gcode.line import SpokenLine
from handrail_drivers.grbl import words
from handrail_drivers.grbl.words import Report
from handrail_drivers.transport import Transport

RESTART = 5  # timeouts that it may take to greet after a reset


class GrblLine(SpokenLine):
    """Talks to one controller. ``alarm`` is the number that it told last, 0 since a reset."""

    speaks: ClassVar[str] = "a Grbl 1.1 controller with $10=1"

    def __init__(self, name: str, transport: Transport, timeout: float) -> None:
        super().__init__(name, transport, timeout)
        self.alarm = 0

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

    def _knows(self, line: str) -> bool:
        return words.is_known(line)

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
