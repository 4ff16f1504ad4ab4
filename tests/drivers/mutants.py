"""Drivers that are bad in one way each, made from the one that the scaffold writes."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from handrail_drivers.api import Effect, Unit, tool
from handrail_drivers.conformance import Call, Conformance
from handrail_drivers.errors import BusLost, DeviceFault, DeviceGarbled, DeviceSilent, InvalidValue
from pydantic import BaseModel, Field

LONGEST = 0.1  # m
LEFT: list[int] = []  # descriptors that a mutant leaves open


@dataclass(frozen=True)
class Mutant:
    """``caught_by`` is the one check that is meant for it; none: it is good."""

    driver: type
    caught_by: str = ""
    calls: dict[str, Call] | None = None


class Target(BaseModel):
    """Where to go."""

    position: Annotated[
        float, Unit("m"), Field(json_schema_extra={"minimum": 0, "maximum": LONGEST})
    ]


def mutants(base: Any) -> Iterator[Mutant]:
    """Yield them all, made from a driver that is good."""
    yield Mutant(base)
    for family in (_declared, _done, _on_the_wire, _in_life):
        yield from family(base)


def conformance_of(mutant: Mutant, base: type[Conformance]) -> Conformance:
    """Return what the kit has to know of a mutant."""
    calls = dict(base.calls) if mutant.calls is None else mutant.calls
    return type("Mutated", (base,), {"driver": mutant.driver, "calls": calls})()


def _declared(base: Any) -> Iterator[Mutant]:
    class Unitless(base):
        """Does not say in which unit."""

        @tool(Effect.OBSERVE)
        def temperature(self) -> float:
            """Read how warm it is."""
            return 20.0

    class Unlimited(base):
        """Does not say how far."""

        @tool(Effect.MOVE)
        def move_to(self, position: Annotated[float, Unit("m")]) -> dict[str, bool]:
            """Have it go to a position."""
            if not 0 <= position <= LONGEST:
                raise InvalidValue("It is too far.", field="position")
            super().move_to(position)
            return {"moving": True}

    class ClaimsLimits(base):
        """Says limits, and takes what is beyond."""

        @tool(Effect.MOVE)
        def move_to(
            self,
            position: Annotated[
                float, Unit("m"), Field(json_schema_extra={"minimum": 0, "maximum": LONGEST})
            ],
        ) -> dict[str, bool]:
            """Have it go to a position."""
            super().move_to(max(0.0, min(LONGEST, position)))
            return {"moving": True}

    class TakesNan(base):
        """Takes what is no number, within a model of its own."""

        @tool(Effect.MOVE)
        def move_to(self, target: Target) -> dict[str, bool]:
            """Have it go to a position."""
            if target.position < 0 or target.position > LONGEST:
                raise InvalidValue("It is too far.", field="target.position")
            super().move_to(min(LONGEST, target.position))
            return {"moving": True}

    class Relative(base):
        """Goes by a distance, and refuses to go beyond its ends."""

        clamps: ClassVar[bool] = False

        @tool(Effect.MOVE)
        def move_by(
            self, distance: Annotated[float, Unit("m"), Field(ge=-LONGEST, le=LONGEST)]
        ) -> dict[str, bool]:
            """Have it go on by a distance."""
            goal = self.read_position().position + distance
            if not self.clamps and not 0 <= goal <= LONGEST:
                raise InvalidValue("It would pass its end.", field="distance", value=distance)
            super().move_to(max(0.0, min(LONGEST, goal)))
            return {"moving": True}

    class Clamping(Relative):
        """Goes to its end where it cannot go farther, and calls that done."""

        clamps = True

    nested = {"move_to": Call({"target": {"position": 0.08}}, {"position": 0.08})}
    by = {"move_by": Call({"distance": 0.01}, unreachable={"distance": -0.1})}
    both = {"move_to": Call({"position": 0.08}, {"position": 0.08}), **by}
    yield Mutant(Unitless, "schema_complete")
    yield Mutant(Unlimited, "schema_complete")
    yield Mutant(ClaimsLimits, "limits_enforced")
    yield Mutant(TakesNan, "not_a_number_refused", nested)
    yield Mutant(Relative, "", both)
    yield Mutant(Clamping, "unreachable_moves_nothing", both)


def _done(base: Any) -> Iterator[Mutant]:
    class Homing(base):
        """Looks for its zero as soon as it is connected."""

        homed = False

        def connect(self) -> None:
            super().connect()
            if not self.homed:
                self._tell("GO 1.000")
                self.homed = True

    class HalfWay(base):
        """Goes half of the way."""

        @tool(Effect.MOVE)
        def move_to(
            self, position: Annotated[float, Unit("m"), Field(ge=0, le=LONGEST)]
        ) -> dict[str, bool]:
            """Have it go to a position."""
            super().move_to(position / 2)
            return {"moving": True}

    class Endless(base):
        """Tells what is no number."""

        @tool(Effect.OBSERVE)
        def slope(self) -> Annotated[float, Unit("1")]:
            """Tell how steep it is."""
            return float("inf")

    class Trusting(base):
        """Takes an acknowledgement for the deed."""

        @tool(Effect.MOVE)
        def move_to(
            self, position: Annotated[float, Unit("m"), Field(ge=0, le=LONGEST)]
        ) -> dict[str, bool]:
            """Have it go to a position."""
            self._tell(f"GO {position * 1000:.3f}")
            return {"moving": True}

    yield Mutant(Homing, "connect_moves_nothing")
    yield Mutant(HalfWay, "does_what_it_says")
    yield Mutant(Endless, "does_what_it_says")
    yield Mutant(Trusting, "honest_result")


def _on_the_wire(base: Any) -> Iterator[Mutant]:  # noqa: C901  one class after another
    class Waiting(base):
        """Waits for half a minute."""

        def __init__(self, name: str, settings: Any, transport: Any) -> None:
            super().__init__(name, settings.model_copy(update={"timeout": 30.0}), transport)

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

    class Listening(base):
        """Does not drop what came before it asked."""

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
    yield Mutant(Listening, "late_reply_dropped")


class _Keeping:
    """A transport whose input is never dropped."""

    def __init__(self, transport: Any) -> None:
        self.write, self.read, self.close = transport.write, transport.read, transport.close

    def discard_input(self) -> None:
        """Keep it."""


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


def _in_life(base: Any) -> Iterator[Mutant]:
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
