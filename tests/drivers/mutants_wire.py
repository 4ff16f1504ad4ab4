"""Drivers that are wrong where their line misbehaves, made from one that is good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from drivers.mutant import Mutant
from handrail_drivers.api import Effect, tool
from handrail_drivers.errors import BusLost, DeviceGarbled, DeviceSilent


def on_the_wire(base: Any) -> Iterator[Mutant]:  # noqa: C901  one class after another
    class Waiting(base):
        """Waits for half a minute longer."""

        def _ask(self, text: str) -> str:
            try:
                return super()._ask(text)
            except DeviceSilent:
                self._transport.read(1, 30.0)
                raise

    class Remembering(base):
        """Tells what it read last where the device is silent."""

        last: Any = None

        @tool(Effect.OBSERVE)
        def read_position(self) -> dict[str, bool]:
            """Read whether it moves."""
            try:
                self.last = {"moving": super().read_position().moving}
            except DeviceSilent:
                if self.last is None:
                    raise
            return self.last

        def connect(self) -> None:
            super().connect()
            self.read_position()

    class Stubborn(base):
        """Goes on trying when it is closed."""

        closing = False

        def close(self) -> None:
            self.closing = True
            super().close()

        def _ask(self, text: str) -> str:
            while True:
                try:
                    return super()._ask(text)
                except BusLost:
                    if not self.closing or text == "STOP":
                        raise

    class Forgiving(base):
        """Takes a lost port for a device that stands."""

        closing = False

        def close(self) -> None:
            self.closing = True
            super().close()

        @tool(Effect.OBSERVE)
        def read_position(self) -> dict[str, bool]:
            """Read whether it moves."""
            try:
                return {"moving": super().read_position().moving}
            except BusLost:
                if self.closing:
                    raise
                return {"moving": False}

    class Resuming(base):
        """Goes on with what it did before it was lost."""

        goal = ""

        def connect(self) -> None:
            super().connect()
            if self.goal:
                super()._tell(self.goal)

        def _tell(self, command: str) -> None:
            super()._tell(command)
            if command.startswith("GO"):
                self.goal = command

    class Guessing(base):
        """Makes something of any answer."""

        def _ask(self, text: str) -> str:
            try:
                return super()._ask(text)
            except DeviceGarbled as error:
                if "\\x" not in str(error):
                    raise
                return "OK" if text[:2] in ("GO", "ST") else "0.0,0"

    class Leaking(base):
        """Raises what its parser raises."""

        def _ask(self, text: str) -> str:
            try:
                return super()._ask(text)
            except DeviceGarbled as error:
                if "\\x" in str(error):
                    raise ValueError("cannot parse") from error
                raise

    class Hasty(base):
        """Takes what came, whole or not."""

        def _ask(self, text: str) -> str:
            try:
                return super()._ask(text)
            except DeviceGarbled as error:
                if "\\x" in str(error):
                    raise
                return "OK" if text[:2] in ("GO", "ST") else "0.0,0"

    class Hurried(base):
        """Drops what came before it asked, and waits for nothing that may still come."""

        def _ask(self, text: str) -> str:
            self._line._unclear = False
            return super()._ask(text)

    class Listening(Hurried):
        """Does not even drop what came before it asked."""

        def __init__(self, name: str, settings: Any, transport: Any) -> None:
            super().__init__(name, settings, _Keeping(transport))

    yield Mutant(Waiting, "timeouts_honoured")
    yield Mutant(Remembering, "timeouts_honoured")
    yield Mutant(Stubborn, "cancellation")
    yield Mutant(Forgiving, "disconnect_in_mid_message")
    yield Mutant(Resuming, "reconnect_disarmed")
    yield Mutant(Guessing, "garbage_refused")
    yield Mutant(Leaking, "garbage_refused")
    yield Mutant(Hasty, "truncated_refused")
    yield Mutant(Hurried, "late_reply_dropped")
    yield Mutant(Listening, "late_reply_dropped")


class _Keeping:
    """A transport whose input is never dropped."""

    def __init__(self, transport: Any) -> None:
        self.write, self.read, self.close = transport.write, transport.read, transport.close

    def discard_input(self) -> None:
        """Keep it."""
