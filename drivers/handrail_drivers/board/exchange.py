"""A board that one thread owns: a question, and what the board says until it is answered.

What :class:`~handrail_drivers.board.link.Link` does for many threads, a loop's tick does by itself.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from handrail.v1.link_layout import (
    Ack,
    AckResult,
    Arm,
    AskChannel,
    AskStatus,
    AskValue,
    Channel,
    Event,
    EventKind,
    Greet,
    Hello,
    LinkVersion,
    Message,
    Status,
    Stop,
    Value,
)

from handrail_drivers.board.description import BoardChannel, described, named
from handrail_drivers.board.frames import Guarded, Splitter, frame, guarded
from handrail_drivers.board.link import other_major
from handrail_drivers.errors import BoardFault, BoardSilent, BusLost
from handrail_drivers.transport import Transport

TRIES = 3  # of a question at the beginning; in a tick there is one
LOOK = 0.3  # s between two greetings: a bootloader may have eaten the last
PLENTY = 4096  # octets
LETS_GO: dict[int, str] = {
    EventKind.EMERGENCY_STOP: "its emergency stop is open",
    EventKind.DEAD_MAN: "no command came within its time",
}
Answer = TypeVar("Answer", bound=Message)


class Exchange:
    """One board, asked by one thread.

    ``trouble`` is why the board let go of its outputs, as it said itself; empty where it did not.
    """

    def __init__(self, subject: str, transport: Transport, timeout: float) -> None:
        self._subject = subject
        self._transport = transport
        self._timeout = timeout
        self._splitter = Splitter()
        self._tokens = itertools.cycle(range(1, 0x10000))
        self._session = 0
        self._sequence = 0
        self.trouble = ""

    def begin(self, wait: float) -> dict[str, BoardChannel]:
        """Greet the board once it is awake; return its channels by name.

        Raises:
            BoardSilent: it does not answer within ``wait`` [s].
            BoardFault: it speaks another major version, or describes itself wrongly.
        """
        hello = self._greeted(time.monotonic() + wait)
        if hello.major != LinkVersion.MAJOR:
            raise other_major(self._subject, hello)
        self._session, self.trouble = hello.session, ""
        raw = [self._channel(number) for number in range(hello.channels)]
        return described(self._subject, raw, hello.description, hello.minor)

    def value(self, channel: BoardChannel) -> int:
        """Return what a channel counts now.

        Raises:
            BoardFault: it could not be read.
            BoardSilent: no answer came in time.
            BusLost: the port is gone, or the board has begun anew.
        """
        token = next(self._tokens)
        answer = self._ask(AskValue(token, channel.number), Value, lambda one: one.token == token)
        if answer.result != AckResult.DONE:
            raise BoardFault(
                f"{channel.name} of {self._subject} could not be read: "
                f"{named(AckResult, answer.result)}.",
                subject=self._subject,
                field=channel.name,
            )
        return answer.value

    def tell(self, make: Callable[[int], Guarded]) -> None:
        """Send a command; what became of it is heard with the next answer."""
        self._transport.write(frame(self._sealed(make)))

    def arm(self) -> int:
        """Let what moves leave its safe value; return what became of that, an AckResult."""
        self.trouble = ""
        message = self._sealed(lambda number: Arm(number, 0))
        return self._ask(message, Ack, lambda one: one.sequence == message.sequence).result

    def stop(self) -> None:
        """Have every output go to its safe value."""
        token = next(self._tokens)
        self._ask(Stop(token), Ack, lambda one: one.sequence == token)

    def state(self) -> int:
        """Return BoardState bits."""
        token = next(self._tokens)
        return self._ask(AskStatus(token), Status, lambda one: one.token == token).state

    def close(self) -> None:
        """Release the line."""
        self._transport.close()

    # --- questions ----------------------------------------------------------------------------

    def _greeted(self, deadline: float) -> Hello:
        self._sequence, self._session = random.randrange(0x10000), 0
        while True:
            session = random.randrange(1, 0x10000)
            greet = Greet(LinkVersion.MAJOR, LinkVersion.MINOR, 0, session)
            try:
                return self._ask(greet, Hello, partial(_answers, session), LOOK)
            except BoardSilent:
                if time.monotonic() > deadline:
                    raise

    def _channel(self, number: int) -> Channel:
        for _ in range(TRIES - 1):
            try:
                return self._ask(AskChannel(number), Channel, lambda one: one.channel == number)
            except BoardSilent:
                continue
        return self._ask(AskChannel(number), Channel, lambda one: one.channel == number)

    def _ask(
        self,
        question: Message,
        kind: type[Answer],
        fits: Callable[[Answer], bool],
        timeout: float = 0.0,
    ) -> Answer:
        self._transport.write(frame(question))
        deadline = time.monotonic() + (timeout or self._timeout)
        while (left := deadline - time.monotonic()) > 0:
            octets = self._transport.read(self._splitter.wanting, left)
            for message in self._splitter.feed(octets + self._transport.read(PLENTY, 0)):
                if isinstance(message, kind) and fits(message):
                    return message
                self._hear(message)
        raise BoardSilent(
            f"{self._subject} does not answer {type(question).__name__}.",
            subject=self._subject,
            hint="check its cable; `handrail firmware info` asks it directly",
        )

    def _hear(self, message: Message) -> None:
        """Take what answers no question.

        Raises:
            BusLost: the board has begun anew: it has to be greeted again.
        """
        if isinstance(message, Event):
            self.trouble = self.trouble or LETS_GO.get(message.kind, "")
        elif isinstance(message, Ack) and message.result != AckResult.DONE:
            why = f"it refused a command, {named(AckResult, message.result)}"
            self.trouble = self.trouble or why  # the first is the cause
        elif isinstance(message, Hello) and message.session != self._session and self._session:
            raise BusLost(f"{self._subject} has begun anew.", subject=self._subject)

    def _sealed(self, make: Callable[[int], Guarded]) -> Guarded:
        self._sequence = (self._sequence + 1) % 0x10000
        return guarded(make(self._sequence), self._session)


def _answers(session: int, hello: Hello) -> bool:
    """Tell whether a hello answers a greeting; one of another major version has no session."""
    return hello.session == session or hello.major != LinkVersion.MAJOR
