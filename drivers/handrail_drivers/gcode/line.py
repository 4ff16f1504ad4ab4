"""One exchange at a time with a controller that answers in lines, and also says things unasked."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar, TypeVar

from handrail_drivers.errors import DeviceFault, DeviceGarbled, DeviceSilent
from handrail_drivers.transport import Transport

T = TypeVar("T")
PLENTY = 512  # bytes
QUIET = 0.02  # s without a byte after which a late answer is over
QUIET_LIMIT = 0.1  # s after which a line that never falls quiet is not waited for
LONGEST = 256  # bytes of a line of its own


class SpokenLine(ABC):
    """What the lines of all G-code controllers do alike.

    Args:
        name: of the device, for sentences.
        transport: its wire.
        timeout: s, one answer.
    """

    speaks: ClassVar[str]  # what it has to be, for a hint

    def __init__(self, name: str, transport: Transport, timeout: float) -> None:
        self._name = name
        self._transport = transport
        self._timeout = timeout
        self._said = b""  # of a line that has not ended yet
        self._unclear = False  # a failed exchange may have left bytes on their way

    def pause(self, seconds: float) -> None:
        """Wait a little; what it says meanwhile is kept."""
        self._said += self._transport.read(1, seconds)

    @abstractmethod
    def _note(self, line: str) -> None:
        """Remember what a line says of the machine, asked or not."""

    @abstractmethod
    def _knows(self, line: str) -> bool:
        """Tell whether a line is one that the controller says at all."""

    def _begin(self) -> None:
        """Take notice of what it said unasked; after a failure, wait until it is quiet."""
        if self._unclear:
            self._fall_quiet()
            self._unclear = False
            return
        self._said += self._transport.read(PLENTY, 0.0)
        for line in self._lines():
            self._note(line)

    def _fall_quiet(self) -> None:
        """Drop what is still on its way, but for what it says of the machine."""
        limit = time.monotonic() + QUIET_LIMIT
        while part := self._transport.read(PLENTY, QUIET):
            self._said += part
            if time.monotonic() > limit:
                break
        for line in self._lines():
            self._note(line)
        self._said = b""

    def _until(
        self,
        wanted: Callable[[str], T | None],
        question: str,
        seconds: float,
        *,
        bears_all: bool = False,
    ) -> T:
        """Return what the first line that is wanted means; ``bears_all``: others may be anything.

        Raises:
            BusLost: the port is gone.
            DeviceSilent: it does not come in time.
            DeviceGarbled: something else came.
        """
        deadline = time.monotonic() + seconds
        self._unclear = True
        while True:
            for line in self._lines():
                self._note(line)
                if (found := wanted(line)) is not None:
                    self._unclear = False
                    return found
                if not bears_all and not self._knows(line):
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

    def _garbled(self, question: str, said: str) -> DeviceGarbled:
        return DeviceGarbled(
            f"{self._name} was asked {question!r} and answered {said[:64]!r}.",
            subject=self._name,
            hint=f"check that it is {self.speaks}, and the line's speed",
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
