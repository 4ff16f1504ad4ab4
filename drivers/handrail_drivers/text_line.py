"""Questions and answers that end in an agreed sign: what most instruments speak."""

from __future__ import annotations

import time

from handrail_drivers.errors import DeviceGarbled, DeviceSilent
from handrail_drivers.transport import Transport

SHOWN = 64  # bytes of a garbled answer
QUIET = 0.02  # s without a byte after which a late answer is over


class TextLine:
    """One question at a time on a byte stream; what came before it is dropped.

    Nothing in an answer says which question it is to. After a question that failed, the next one
    waits for the answer that may still come, for as long as one may take; ``tell`` does not.

    Args:
        name: of the device, for sentences.
        transport: its wire.
        timeout: s, one answer.
        end: what ends an answer.
        most: bytes that an answer has at most, its end included.
    """

    def __init__(
        self,
        name: str,
        transport: Transport,
        timeout: float,
        end: bytes = b"\n",
        most: int = 256,
    ) -> None:
        self._name = name
        self._transport = transport
        self._timeout = timeout
        self._end = end
        self._most = most
        self._unclear = False  # an answer may still be on its way

    def tell(self, data: bytes) -> None:
        """Send what is not answered.

        Raises:
            BusLost: the port is gone.
        """
        self._transport.write(data)

    def ask(self, data: bytes) -> bytes:
        """Send a question whole; return the answer without its end.

        Raises:
            BusLost: the port is gone.
            DeviceSilent: nothing came in time.
            DeviceGarbled: what came does not end.
        """
        if self._unclear:
            self._drop_owed()
        self._transport.discard_input()
        self._transport.write(data)
        return self.next(data)

    def next(self, question: bytes = b"") -> bytes:
        """Return the next answer without its end; the question is for sentences."""
        self._unclear = True
        deadline = time.monotonic() + self._timeout
        said = b""
        while not said.endswith(self._end):
            left = max(0.0, deadline - time.monotonic())  # what came in time is taken
            part = self._transport.read(1, left)
            said += part
            if not part or len(said) > self._most:
                raise self.garbled(question, said) if said else self._silent(question)
        self._unclear = False
        return said[: -len(self._end)]

    def ask_text(self, text: str) -> str:
        """Ask in ASCII, with the line's end; return the answer in ASCII.

        Raises:
            BusLost, DeviceSilent, DeviceGarbled: as ``ask``.
        """
        question = text.encode("ascii") + self._end
        said = self.ask(question)
        try:
            return said.decode("ascii")
        except UnicodeDecodeError:
            raise self.garbled(question, said) from None

    def garbled(self, question: bytes, said: bytes) -> DeviceGarbled:
        """Return the error of an answer that is none to a question: its own may still come."""
        self._unclear = True
        return DeviceGarbled(
            f"{self._name} was asked {_shown(question)} and answered {_shown(said)}.",
            subject=self._name,
            hint="check that it is the device that the driver is for, and the line's speed",
        )

    def _drop_owed(self) -> None:
        """Wait for what is still on its way, for as long as one answer may take."""
        deadline = time.monotonic() + self._timeout
        said = b""
        while (left := deadline - time.monotonic()) > 0:
            wait = min(QUIET, left) if said.endswith(self._end) else left
            part = self._transport.read(1, wait)
            if not part:
                return
            said += part

    def _silent(self, question: bytes) -> DeviceSilent:
        return DeviceSilent(
            f"{self._name} did not answer {_shown(question)} within {self._timeout:g} s.",
            subject=self._name,
            hint="check its power, its cable and the line's speed",
        )


def _shown(data: bytes) -> str:
    return repr(data[:SHOWN].decode("ascii", "backslashreplace"))
