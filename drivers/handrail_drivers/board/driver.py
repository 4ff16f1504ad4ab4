"""A board with Handrail's firmware, on a serial line: its tools are made from what it says."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any, ClassVar

from handrail.v1.link_layout import Ack, AckResult

from handrail_drivers.api import Effect, Reading, tool
from handrail_drivers.board.description import BoardChannel, named
from handrail_drivers.board.keeper import Keeper
from handrail_drivers.board.link import Link
from handrail_drivers.board.report import BoardReport, report
from handrail_drivers.board.session import Sample, Session
from handrail_drivers.board.settings import BoardSettings
from handrail_drivers.board.tools import add_tools
from handrail_drivers.errors import (
    BoardFault,
    BoardSilent,
    InvalidValue,
    Refused,
    StaleReading,
    UnknownName,
)
from handrail_drivers.safe_values import kept_safe
from handrail_drivers.transport import Transport

OLD = 5.0  # periods after which a streamed value is no present one any more


class Board:
    """A board; its tools appear once it has said what it has. Safe to use from several threads.

    It needs not be there when the bridge starts, and is found again once it was lost: disarmed, its
    outputs at their safe values, with whatever tools it then has.

    Args:
        name: of the device in its cell.
        settings: its settings.
        transport: its line; one that can be reopened is, after a loss.
    """

    Settings: ClassVar[type[BoardSettings]] = BoardSettings
    transport: ClassVar[str] = "serial"
    verified_on_hardware: ClassVar[bool] = False

    def __init__(self, name: str, settings: BoardSettings, transport: Transport) -> None:
        self.name = name
        self.on_sample: Callable[[str, Sample], None] = lambda _name, _sample: None
        self.on_described: Callable[[], None] = lambda: None
        self.on_lost: Callable[[], None] = lambda: None
        self.is_stopped: Callable[[], bool] = lambda: False  # of the cell, which says it
        self._settings = settings
        self._keeper = Keeper(
            name, settings, transport, self._sampled, self._describe, self._forget
        )
        self._newest: dict[str, Sample] = {}
        self._tools: tuple[str, ...] = ()
        self._digest: int | None = None
        self.channels: dict[str, BoardChannel] = {}  # empty before it has said what it has

    # --- life -----------------------------------------------------------------------------------

    def stop(self) -> None:
        """Put every output to its safe value.

        Raises:
            DeviceFault: the board does not answer; it does so by itself then, within its time.
        """
        if self._keeper.session is not None:
            self._keeper.session.stop()

    def connect(self) -> None:
        """Begin to look for the board; one that is not there is sought again and again."""
        self._keeper.start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the board has said what it has; tell whether it did."""
        return self._keeper.ready.wait(timeout_s)

    @property
    def why_not(self) -> str:
        """Why it is not there, as far as is known."""
        return self._keeper.why

    @property
    def longest_wait(self) -> float:
        """How long [s] it is given to say hello."""
        return self._settings.wait

    def close(self) -> None:
        """Put outputs to their safe values and release the line; may be called again."""
        self._keeper.close()

    def _sampled(self, name: str, sample: Sample) -> None:
        self._newest[name] = sample
        self.on_sample(name, sample)

    def _describe(self, session: Session) -> None:
        """Make the tools, where the board says other things than before."""
        self._newest.clear()
        self.channels = session.channels
        if session.hello.description != self._digest:
            for name in self._tools:
                delattr(self, name)
            self._tools = add_tools(self, session.channels)
            self._digest = session.hello.description
        self.on_described()

    def _forget(self) -> None:
        """What it streamed is no present value any more, however young it is."""
        self._newest.clear()
        self.on_lost()

    # --- what is asked of it ----------------------------------------------------------------------

    def read(self, names: list[str]) -> dict[str, Any]:
        """Return values by name, all where none is named, with the time of the oldest.

        Raises:
            UnknownName: no such channel, or one that is not read.
            BoardFault, BusLost: it could not be read.
        """
        session, _ = self._present()
        readable = [name for name, one in session.channels.items() if one.readable]
        for name in names:
            if name not in readable:
                raise UnknownName("channel", name, readable, "names")
        found = session.read(names or readable)
        values: dict[str, Any] = {
            name: bool(one.value) if session.channels[name].is_level else one.value
            for name, one in found.items()
        }
        oldest = min(found.values(), key=lambda one: one.time_ns)
        error = max(one.error_ns for one in found.values()) * 1e-9
        return values | {"time_ns": oldest.time_ns, "error": error}

    def write(self, name: str, value: float) -> float:
        """Set an output and keep it there; return the value that the board has acknowledged.

        Raises:
            UnknownName: no such channel.
            InvalidValue: it is beyond a limit; nothing was sent.
            Refused: it is only read, the cell or the board is stopped, or it is not armed.
            MotionStopped: it was stopped meanwhile.
            BoardFault, BusLost: whether it was set is not known.
        """
        asked = time.monotonic()
        session, one = self._output(name, value)
        return self._acknowledged(one, session.write(name, one.raw(value), asked), value)

    async def write_on_loop(self, name: str, value: float) -> float:
        """As :meth:`write`, for an event loop."""
        asked = time.monotonic()
        session, one = self._output(name, value)
        ack = await session.write_on_loop(name, one.raw(value), asked)
        return self._acknowledged(one, ack, value)

    def _output(self, name: str, value: float) -> tuple[Session, BoardChannel]:
        session, _ = self._present()
        one = session.channels.get(name)
        if one is None:
            raise UnknownName("channel", name, session.channels, "name")
        if not one.writable:
            raise Refused(f"{name} of {self.name} is only read.", field=name)
        raw = one.raw(value)
        if (one.safe is None or raw != one.raw_safe) and self.is_stopped():
            what = f"{name} of {self.name} keeps its safe value"
            raise kept_safe(what, field=name, value=value, limit=one.safe)
        return session, one

    def _acknowledged(self, one: BoardChannel, ack: Ack, value: float) -> float:
        if ack.result != AckResult.DONE:
            raise self._refused(one, ack, value)
        return one.value(ack.value)

    def arm(self) -> None:
        """Let what moves leave its safe value, until the next stop.

        Raises:
            Refused: the emergency stop is open.
        """
        _, link = self._present()
        if link.arm().result != AckResult.DONE:
            raise Refused(
                f"{self.name} does not arm: its emergency stop is open.",
                hint="release the button, then try again",
            )

    @tool(Effect.OBSERVE)
    def read_board(self) -> BoardReport:
        """Read how the board is: its state, its fault counters, how well its clock is known.

        Raises:
            BoardFault, BusLost: it could not be read.
        """
        session, link = self._present()
        return report(session, link.status())

    def latest(self, name: str) -> Reading:
        """Return a streamed value with the time at which it was true.

        Raises:
            UnknownName: it is not streamed.
            StaleReading: it is too old to be the present one.
        """
        if name not in self._settings.streams:
            raise UnknownName("streamed channel", name, self._settings.streams, name)
        found = self._newest.get(name)
        limit = OLD / self._settings.streams[name] + self._settings.timeout
        age = (time.monotonic_ns() - found.time_ns) * 1e-9 if found else float("inf")
        if found is None or age > limit:
            raise StaleReading(
                f"{name} of {self.name} has not been read for {age:.2f} s.",
                subject=self.name,
                limit=limit,
                unit="s",
            )
        return Reading(found.value, self.channels[name].unit, found.time_ns, self.name)

    def readings(self) -> dict[str, float]:
        """Return the streamed values that are fresh, by ``device.channel``."""
        found = {}
        for name in self._settings.streams:
            with contextlib.suppress(StaleReading):
                found[f"{self.name}.{name}"] = self.latest(name).value
        return found

    def _present(self) -> tuple[Session, Link]:
        session, link = self._keeper.session, self._keeper.link
        if session is None or link is None or not self._keeper.ready.is_set():
            raise BoardSilent(
                f"{self.name} is not there: {self._keeper.why}",
                subject=self.name,
                hint="plug it in, or flash it: `handrail firmware flash`",
            )
        return session, link

    def _refused(self, one: BoardChannel, ack: Ack, value: float) -> Exception:
        match ack.result:
            case AckResult.OUT_OF_RANGE:
                return InvalidValue(
                    f"{self.name} allows {one.name} no further than {one.value(ack.value):g}.",
                    field=one.name,
                    value=value,
                    limit=one.value(ack.value),
                    unit=one.unit,
                )
            case AckResult.NOT_ARMED:
                return Refused(
                    f"{one.name} of {self.name} moves, and the board is not armed.", field=one.name
                )
            case AckResult.EMERGENCY_STOP:
                return Refused(
                    f"The emergency stop of {self.name} is open.",
                    field=one.name,
                    hint="release the button, then arm again",
                )
        return BoardFault(
            f"{self.name} refuses {one.name}: {named(AckResult, ack.result)}.",
            subject=self.name,
            field=one.name,
        )
