"""One conversation with a board: questions find their answers, commands their acknowledgements."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import random
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TypeVar

from handrail.v1.link_layout import (
    Ack,
    AckResult,
    Arm,
    AskChannel,
    AskClock,
    AskStatus,
    AskValue,
    BoardState,
    Channel,
    Clock,
    Command,
    Greet,
    Hello,
    LinkFeature,
    LinkVersion,
    Message,
    SetStream,
    Status,
    Stop,
    Value,
)

from handrail_drivers.board.frames import Guarded, Splitter, guarded
from handrail_drivers.board.questions import Key, LoopQuestion, Question, Questions
from handrail_drivers.errors import BoardFault, BoardSilent
from handrail_drivers.transport import Transport

FEATURES = int(LinkFeature.STREAMS | LinkFeature.CLOCK)
AT_ONCE = 4  # questions on their way: a small board has room for so many
WAIT = 0.05  # s that a look at the line lasts
MOMENT = 0.001  # s after which a command of an event loop tries again whether it is its turn
PLENTY = 4096  # octets
ANSWERS = {Ack: "sequence", Value: "token", Clock: "token", Status: "token", Channel: "channel"}
Answer = TypeVar("Answer", bound=Message)

log = logging.getLogger(__name__)


class Link:
    """A board on a transport. One thread calls :meth:`look`; any may ask.

    Args:
        subject: the board, in errors.
        told: is given what comes unasked, in the thread that looks.
        timeout: s for one answer.
    """

    def __init__(
        self,
        subject: str,
        transport: Transport,
        timeout: float,
        told: Callable[[Message, int], None],
    ) -> None:
        self._subject = subject
        self._transport = transport
        self._questions = Questions(transport, timeout)
        self._told = told
        self._splitter = Splitter()
        self._counting = threading.Lock()
        self._commanding = threading.Lock()  # one command at a time: a number is repeated or new
        self._tokens = itertools.cycle(range(1, 0x10000))
        self._sequence = 0
        self._greeting = 0  # the session that was asked for last
        self.session = 0
        self.lost = False  # the board has begun anew

    @property
    def broken(self) -> int:
        """Frames that came damaged."""
        return self._splitter.broken

    # --- the thread that looks --------------------------------------------------------------

    def look(self) -> None:
        """Take what came, for a while.

        Raises:
            BusLost: the port is gone.
        """
        octets = self._transport.read(self._splitter.wanting, WAIT)  # not awake for each octet
        if not octets:
            return
        octets += self._transport.read(PLENTY, 0)
        now_ns = time.monotonic_ns()
        for message in self._splitter.feed(octets):
            self._take(message, now_ns)

    def _take(self, message: Message, now_ns: int) -> None:
        key = self._key(message)
        if key is not None and self._questions.answered(key, message, now_ns):
            return
        if isinstance(message, Hello) and message.session != self.session:
            self.lost = True
        self._told(message, now_ns)

    def _key(self, message: Message) -> Key | None:
        """Return which question a message may answer."""
        if isinstance(message, Hello):  # unasked ones have no session; another major gives none
            other = message.major != LinkVersion.MAJOR
            return (Hello, self._greeting if other else message.session)
        name = ANSWERS.get(type(message))
        return (type(message), getattr(message, name)) if name else None

    # --- questions ----------------------------------------------------------------------------

    def ask(self, message: Message, kind: type[Answer], number: int) -> tuple[Answer, int, int]:
        """Ask; return the answer, and when it was asked and answered [ns].

        Raises:
            BoardSilent: none came, after some tries.
            BusLost: the port is gone.
        """
        one = Question(kind, number, message)
        self._questions.exchange([one])
        return self._answer(one, kind), one.asked_ns, one.answered_ns

    def _answer(self, one: Question, kind: type[Answer]) -> Answer:
        if not isinstance(one.answer, kind):
            raise BoardSilent(
                f"{self._subject} does not answer {type(one.message).__name__}.",
                subject=self._subject,
                hint="check its cable; `handrail firmware info` asks it directly",
            )
        return one.answer

    def values(self, channels: Sequence[int]) -> list[Value]:
        """Ask for the values of some channels, as they are now."""
        found = []
        for at in range(0, len(channels), AT_ONCE):
            asked = [self._value(number) for number in channels[at : at + AT_ONCE]]
            self._questions.exchange(asked)
            found += [self._answer(one, Value) for one in asked]
        return found

    def _value(self, channel: int) -> Question:
        token = self._token()
        return Question(Value, token, AskValue(token, channel))

    def clock(self) -> tuple[Clock, int, int]:
        """Ask for the counter; once, for its time is what counts."""
        token = self._token()
        return self.ask(AskClock(token), Clock, token)

    def status(self) -> Status:
        """Ask for the state and the fault counters.

        Raises:
            BoardFault: the board has begun anew since it was greeted.
        """
        token = self._token()
        status = self.ask(AskStatus(token), Status, token)[0]
        if not status.state & BoardState.SESSION:
            self.lost = True
            raise BoardFault(f"{self._subject} has begun anew.", subject=self._subject)
        return status

    def channel(self, number: int) -> Channel:
        """Ask what a channel is."""
        return self.ask(AskChannel(number), Channel, number)[0]

    def stop(self) -> None:
        """Have every output go to its safe value."""
        token = self._token()
        self.ask(Stop(token), Ack, token)

    async def stop_on_loop(self) -> None:
        """As :meth:`stop`, for an event loop."""
        token = self._token()
        one = LoopQuestion(Ack, token, Stop(token))
        await self._questions.exchange_on_loop(one)
        self._answer(one, Ack)

    def _token(self) -> int:
        with self._counting:
            return next(self._tokens)

    # --- the session and its commands -----------------------------------------------------------

    def greet(self) -> Hello:
        """Begin a session.

        Raises:
            BoardSilent: nobody answers.
            BoardFault: the board speaks another major version.
        """
        self._greeting = random.randrange(1, 0x10000)
        self._sequence = random.randrange(0x10000)
        ours = LinkVersion.MAJOR, LinkVersion.MINOR
        message = Greet(*ours, FEATURES, self._greeting)
        hello, _, _ = self.ask(message, Hello, self._greeting)
        if hello.major != LinkVersion.MAJOR:
            raise other_major(self._subject, hello)
        self.session = hello.session
        self.lost = False
        return hello

    def command(self, channel: int, value: int) -> Ack:
        """Set an output, in one's turn; return what became of it."""
        return self._commanded(_command(channel, value))

    async def command_on_loop(self, channel: int, value: int) -> Ack:
        """As :meth:`command`, for an event loop: no other thread waits, or is woken for it."""
        message = self._next(_command(channel, value))
        one = LoopQuestion(Ack, self._sequence, message)
        await self._questions.exchange_on_loop(one)
        return self._noticed(self._answer(one, Ack))

    def stream(self, channel: int, period_us: int, patience_ms: int) -> Ack:
        """Have a channel sampled; 0 ends it."""
        return self._sealed(lambda number: SetStream(number, channel, period_us, patience_ms, 0))

    def arm(self) -> Ack:
        """Let what moves leave its safe value."""
        return self._sealed(lambda number: Arm(number, 0))

    def _sealed(self, make: Callable[[int], Guarded]) -> Ack:
        with self.turn():
            return self._commanded(make)

    def _commanded(self, make: Callable[[int], Guarded]) -> Ack:
        message = self._next(make)
        return self._noticed(self.ask(message, Ack, self._sequence)[0])

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """Have the turn to command while the block runs: nobody else's command comes between."""
        with self._commanding:
            yield

    @contextlib.asynccontextmanager
    async def turn_on_loop(self) -> AsyncIterator[None]:
        """As :meth:`turn`, for an event loop, which is not blocked."""
        while not self._commanding.acquire(blocking=False):  # noqa: ASYNC110  a thread has it
            await asyncio.sleep(MOMENT)
        try:
            yield
        finally:
            self._commanding.release()

    def _next(self, make: Callable[[int], Guarded]) -> Guarded:
        self._sequence = (self._sequence + 1) % 0x10000
        return guarded(make(self._sequence), self.session)

    def _noticed(self, ack: Ack) -> Ack:
        if ack.result in (AckResult.NO_SESSION, AckResult.STALE):
            self.lost = True
        return ack


def _command(channel: int, value: int) -> Callable[[int], Command]:
    return lambda number: Command(number, channel, value, 0)


def other_major(subject: str, hello: Hello) -> BoardFault:
    """Return what to say of a board of another major version."""
    newer = hello.major > LinkVersion.MAJOR
    return BoardFault(
        f"{subject} speaks version {hello.major}.{hello.minor} of the link, this bridge "
        f"{LinkVersion.MAJOR}.{LinkVersion.MINOR}: together they can say so, and no more.",
        subject=subject,
        value=hello.major,
        limit=int(LinkVersion.MAJOR),
        hint="update this bridge" if newer else "flash the board: `handrail firmware flash`",
    )
