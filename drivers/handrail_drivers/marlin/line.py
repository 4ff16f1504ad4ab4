"""One exchange at a time with Marlin: numbered lines, which it wants once more where they broke."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from handrail_drivers.errors import BusLost, DeviceFault, DeviceGarbled, DeviceSilent
from handrail_drivers.gcode.line import SpokenLine
from handrail_drivers.marlin import words
from handrail_drivers.marlin.words import Report
from handrail_drivers.transport import Transport

TRIES = 3  # of one line
FIRST = 100  # number that is begun with: who wants line 1 has begun anew


class MarlinLine(SpokenLine):
    """Talks to one controller.

    ``halted`` says why it obeys nothing until it is reset, empty where it does; ``lives`` counts
    how often it has begun anew.
    """

    speaks: ClassVar[str] = "a controller with Marlin 2"

    def __init__(self, name: str, transport: Transport, timeout: float) -> None:
        super().__init__(name, transport, timeout)
        self.halted = ""
        self.lives = 0
        self._number = 0  # of the last line
        self._mark = 0  # of the last agreement on numbers
        self._agreed = False  # both know the number of the next line
        self._owed = ""  # a command whose end nobody waits for
        self._failed: DeviceFault | None = None  # how it ended, where that was met by another call

    def greeted(self, seconds: float) -> None:
        """Wait until it has begun, for so long at most.

        Raises:
            DeviceSilent: it does not.
        """
        self._until(lambda line: line == "start" or None, "a reset", seconds, bears_all=True)

    def look(self) -> Report:
        """Return where it is.

        Raises:
            BusLost, DeviceSilent, DeviceGarbled, DeviceFault: as ``ask``.
        """
        said = self.ask(words.PLACE)
        reports = [found for line in said if (found := words.report_of(line))]
        if len(reports) != 1:
            self._agreed = False
            raise self._garbled(words.PLACE, " | ".join(said))
        return reports[0]

    def ask(self, command: str) -> list[str]:
        """Send a line; return what it said before it took it.

        Raises:
            BusLost: the port is gone.
            DeviceSilent: it does not answer in time, or still does what it was told to begin.
            DeviceGarbled: it answers something else.
            DeviceFault: it refuses, or is halted.
        """
        if self._owed:
            self._require_ended(command)
        self._ready()
        self._number += 1
        try:
            for _ in range(TRIES):
                self._transport.write(words.numbered(self._number, command))
                if (said := self._answered(command)) is not None:
                    return said
                self._fall_quiet()  # an ok may follow, which takes nothing
        except DeviceFault as fault:
            self._agreed = False
            raise self._why(fault) from None
        self._agreed = False
        raise self._garbled(command, "once more, again and again")

    def begin(self, command: str) -> None:
        """Send a line that takes long; :meth:`ended` says whether it is done.

        Raises:
            BusLost, DeviceSilent, DeviceGarbled, DeviceFault: as ``ask``.
        """
        self._ready()
        self._number += 1
        self._owed, self._failed = command, None
        self._transport.write(words.numbered(self._number, command))

    def ended(self, seconds: float) -> bool:
        """Wait for the end of what was begun, for so long at most; tell whether it came.

        Raises:
            BusLost: the port is gone.
            DeviceGarbled: it did not understand what it was to begin.
            DeviceFault: it has failed.
        """
        command, is_taken = self._owed, True
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed
        if not command:
            return True
        try:
            if self._unclear:  # the end may have been among what broke: what comes after it?
                self._ready()
            else:
                self._transport.write(words.NOTHING)
                is_taken = self._until(self._taken([], command), command, seconds)
        except DeviceGarbled:
            self._agreed = False
            return False
        except DeviceSilent:
            self._unclear = not self._agreed  # nothing is late: it is still at it
            return False
        except DeviceFault as fault:
            self._owed, self._agreed = "", False
            raise self._why(fault) from None
        self._owed = ""
        if not is_taken:
            self._agreed = False
            raise self._garbled(command, words.RESEND)
        return True

    def _require_ended(self, command: str) -> None:
        """Raise DeviceSilent while it does what it was told to begin; keep how that ended."""
        try:
            done = self.ended(self._timeout)
        except BusLost:
            raise
        except DeviceFault as fault:
            self._failed = fault
            raise
        if not done:
            raise self._nothing(command)

    def at_once(self, command: bytes) -> None:
        """Send what is obeyed before all that waits; its answer is not waited for.

        Raises:
            BusLost: the port is gone.
        """
        self._transport.write(command)
        self._owed, self._failed = "", None
        self._agreed, self._unclear = False, True

    def _ready(self) -> None:
        """Agree on the number of the next line, where that is not known.

        Who has begun anew has forgotten the number, and so is known for that.
        """
        self._begin()
        if self._agreed:
            return
        try:
            if not self._number:
                self._number = FIRST
                self._transport.write(words.numbered(FIRST, f"M110 N{FIRST}"))
            if (wanted := self._marked()) is not None:
                self._number = wanted - 1
                self._fall_quiet()
                if self._marked() is not None:
                    raise self._garbled("M118", words.RESEND)
        except DeviceFault as fault:
            raise self._why(fault) from None
        self._agreed = True
        if self.halted:  # it was reset since, unheard
            self.halted, self.lives = "", self.lives + 1

    def _marked(self) -> int | None:
        """Have it say something that nobody said before; return the line that it wants instead."""
        self._mark += 1
        self._number += 1
        mark = f"handrail {self._mark}"
        self._transport.write(words.numbered(self._number, f"M118 {mark}"))

        def judge(line: str) -> int | None:
            return 0 if line == mark else words.resend_of(line)

        if wanted := self._until(judge, "M118", self._timeout, bears_all=True):
            return wanted
        self._until(lambda line: words.is_ok(line) or None, "M118", self._timeout)
        return None

    def _answered(self, command: str) -> list[str] | None:
        """Return what it said until it took the last line; None: it wants it once more."""
        said: list[str] = []
        return said if self._until(self._taken(said, command), command, self._timeout) else None

    def _taken(self, said: list[str], command: str) -> Callable[[str], bool | None]:
        """Return a judge of lines: True where the command was taken, False: once more."""

        def judge(line: str) -> bool | None:
            if words.is_ok(line):
                return True
            wanted = words.resend_of(line)
            if wanted is not None and wanted != self._number:
                raise self._garbled(command, line)
            if wanted is not None:
                return False
            is_refused = line.startswith(("echo:Unknown command", "Error:"))
            if is_refused and not line.startswith(words.LINE_ERRORS):
                raise self._refused(command, line)
            said.append(line)
            return None

        return judge

    def _knows(self, line: str) -> bool:
        return words.is_known(line)

    def _note(self, line: str) -> None:
        if line == "start":
            self.halted, self._owed, self._agreed = "", "", False
            self.lives += 1
        elif line.startswith(words.HALTED):
            self.halted = line
        elif words.resend_of(line) == 1:
            self.lives += 1  # it has forgotten all lines, and its greeting was lost

    def _refused(self, command: str, said: str) -> DeviceFault:
        return DeviceFault(
            f"{self._name} refuses {command!r}: {said}", subject=self._name, value=said
        )

    def _why(self, fault: DeviceFault) -> DeviceFault:
        """Return the reason of a fault, where it is that the controller is halted."""
        if not self.halted or isinstance(fault, BusLost):
            return fault
        return DeviceFault(
            f"{self._name} is halted: it obeys nothing until it is reset.",
            subject=self._name,
            value=self.halted,
            hint="see the machine; then press its reset, or switch it off and on",
        )
