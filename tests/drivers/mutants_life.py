"""Drivers that do not stop, hold up or leave something, made from one that is good."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from typing import Annotated, Any

from drivers.mutant import LEFT, LONGEST, Mutant
from handrail_drivers.api import Effect, Unit, tool
from handrail_drivers.errors import DeviceFault
from pydantic import Field


class _Spinning:
    """A transport whose user asks again and again instead of waiting."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.write, self.close = transport.write, transport.close
        self.discard_input = transport.discard_input

    def read(self, size: int, timeout_s: float) -> bytes:
        deadline = time.monotonic() + timeout_s
        while not (data := self._transport.read(size, 0.0)) and time.monotonic() < deadline:
            pass
        return data


def in_life(base: Any) -> Iterator[Mutant]:
    class Unstoppable(base):
        """Has a stop that does nothing."""

        def stop(self) -> None:
            """Do nothing."""

        def close(self) -> None:
            with contextlib.suppress(DeviceFault):
                self._tell("STOP")
            self._transport.close()

    class Careless(base):
        """Leaves it moving."""

        def close(self) -> None:
            self._transport.close()

    class Heavy(base):
        """Reckons for a long time."""

        @tool(Effect.OBSERVE)
        def read_position(self) -> dict[str, bool]:
            """Read whether it moves."""
            assert sum(n * n for n in range(800_000))
            return {"moving": super().read_position().moving}

    class Spinning(base):
        """Asks again and again."""

        def __init__(self, name: str, settings: Any, transport: Any) -> None:
            super().__init__(name, settings, _Spinning(transport))

    class InTheLoop(base):
        """Waits in the event loop itself."""

        @tool(Effect.OBSERVE)
        async def read_position(self) -> dict[str, bool]:
            """Read whether it moves."""
            return {"moving": self._ask("POS?").endswith("1")}

        @tool(Effect.MOVE)
        def move_to(
            self, position: Annotated[float, Unit("m"), Field(ge=0, le=LONGEST)]
        ) -> dict[str, bool]:
            """Have it go to a position."""
            self._tell(f"GO {position * 1000:.3f}")
            return {"moving": True, "confirmed": float(self._ask("TARGET?")) > 0}

    class Threaded(base):
        """Leaves a thread."""

        def connect(self) -> None:
            super().connect()
            threading.Thread(target=threading.Event().wait, args=(20.0,), daemon=True).start()

    class Open(base):
        """Leaves a descriptor."""

        def connect(self) -> None:
            super().connect()
            LEFT.append(os.open("/dev/null", os.O_RDONLY))

    yield Mutant(Unstoppable, "stops_in_time")
    yield Mutant(Careless, "safe_on_close")
    yield Mutant(Heavy, "never_blocks")
    yield Mutant(Spinning, "never_blocks")
    yield Mutant(InTheLoop, "never_blocks")
    yield Mutant(Threaded, "nothing_left_behind")
    yield Mutant(Open, "nothing_left_behind")
