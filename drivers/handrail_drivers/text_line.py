"""Questions and answers that end in an agreed sign: what most instruments speak."""

from __future__ import annotations

import time

from handrail_drivers.errors import DeviceGarbled, DeviceSilent
from handrail_drivers.transport import Transport

SHOWN = 64  # bytes of a garbled answer


class TextLine:
    """One question at a time on a byte stream; what came before it is dropped.

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
        self._transport.discard_input()
        self._transport.write(data)
        return self.next(data)

    def next(self, question: bytes = b"") -> bytes:
        """Return the next answer without its end; the question is for sentences."""
        deadline = time.monotonic() + self._timeout
        said = b""
        while not said.endswith(self._end):
            left = max(0.0, deadline - time.monotonic())  # what came in time is taken
            part = self._transport.read(1, left)
            said += part
            if not part or len(said) > self._most:
                raise self.garbled(question, said) if said else self._silent(question)
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
        """Return the error of an answer that is none to a question."""
        return DeviceGarbled(
            f"{self._name} was asked {_shown(question)} and answered {_shown(said)}.",
            subject=self._name,
            hint="check that it is the device that the driver is for, and the line's speed",
        )

    def _silent(self, question: bytes) -> DeviceSilent:
        return DeviceSilent(
            f"{self._name} did not answer {_shown(question)} within {self._timeout:g} s.",
            subject=self._name,
            hint="check its power, its cable and the line's speed",
        )


def _shown(data: bytes) -> str:
    return repr(data[:SHOWN].decode("ascii", "backslashreplace"))
