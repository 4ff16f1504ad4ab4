"""Commands in flight while a board is made safe: none of them brings an output back."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from fastcrc import crc16
from handrail.v1.link_layout import (
    Ack,
    AckResult,
    Channel,
    ChannelEffect,
    ChannelKind,
    Event,
    EventKind,
    Hello,
    Status,
    Value,
)
from handrail_drivers.board import session as sessions
from handrail_drivers.board.session import Session
from handrail_drivers.errors import BoardFault, BoardSilent, MotionStopped

LAMP = Channel(
    channel=0,
    kind=ChannelKind.DIGITAL_OUT,
    effect=ChannelEffect.CONFIGURE,
    exponent=0,
    max_age=2000,
    low=0,
    high=1,
    safe=0,
    offset=0,
    mantissa=1,
    speed=0,
    acceleration=0,
    name=b"lamp".ljust(16, b"\0"),
    unit=b"1".ljust(8, b"\0"),
    text=b"shines".ljust(32, b"\0"),
)


class Wire:
    """A link to a board with one lamp; ``before`` and ``after`` happen around a command.

    ``waiting`` happens while a command waits for its turn, ``ended`` as soon as its turn is over.
    """

    lost = False

    def __init__(self) -> None:
        self.lit, self.mute, self.has_turn = 0, False, False
        self.emergency_stops, self.dead_men = 7, 5  # before this session
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.waiting: Callable[[], None] = lambda: None
        self.ended: Callable[[], None] = lambda: None

    def greet(self) -> Hello:
        digest = crc16.ibm_3740(LAMP.pack()[1:])
        return Hello(1, 0, 0, 5, 1, 0, digest, 1, 1_000_000, bytes(16), bytes(16))

    def channel(self, number: int) -> Channel:
        return LAMP

    def status(self) -> Status:
        return Status(1, 4, 0, 0, *(0,) * 8, self.dead_men, self.emergency_stops, 0, 0)

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        waiting, ended = self.waiting, self.ended
        self.waiting = self.ended = lambda: None
        waiting()
        assert not self.has_turn
        self.has_turn = True
        yield
        self.has_turn = False
        ended()

    @contextlib.asynccontextmanager
    async def turn_on_loop(self) -> AsyncIterator[None]:
        with self.turn():
            yield

    def emergency_stop(self) -> Event:
        """Open it; what the board says of it may be lost."""
        self.lit, self.emergency_stops = 0, (self.emergency_stops + 1) % 0x10000
        return Event(EventKind.EMERGENCY_STOP, 0xFF, 0, 0)

    def grow_old(self) -> Event:
        """Have nobody command it for too long; what the board says of it may be lost."""
        self.lit, self.dead_men = 0, (self.dead_men + 1) % 0x10000
        return Event(EventKind.DEAD_MAN, 0, 0, 0)

    def command(self, channel: int, value: int) -> Ack:
        assert self.has_turn
        before, after = self.before, self.after
        self.before = self.after = lambda: None
        before()
        self.lit = value
        after()
        return Ack(1, AckResult.DONE, channel, value, 0)

    async def command_on_loop(self, channel: int, value: int) -> Ack:
        return await asyncio.to_thread(self.command, channel, value)

    def stop(self) -> None:
        if self.mute:
            raise BoardSilent("no answer.", subject="board")
        self.lit = 0

    async def stop_on_loop(self) -> None:
        self.stop()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def session(wire: Wire) -> Session:
    return Session("board", wire, {}, lambda *_: None)


def write(session: Session, how: str, value: int = 1) -> None:
    """Write as a thread does, or a task."""
    if how == "thread":
        session.write("lamp", value, time.monotonic())
    else:
        asyncio.run(session.write_on_loop("lamp", value, time.monotonic()))


@pytest.mark.parametrize("how", ["thread", "task"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_write_in_flight_brings_nothing_back_after_a_stop(
    session: Session, wire: Wire, how: str, when: str
) -> None:
    """Its first frame was lost and the second came after the stop; or its first answer was lost."""
    setattr(wire, when, session.stop)
    with pytest.raises(MotionStopped, match="made safe before lamp was set"):
        write(session, how)
    assert session.held() == {}
    assert wire.lit == 0
    write(session, how)  # one that is asked for anew is another
    assert list(session.held()) == ["lamp"]


@pytest.mark.parametrize("kind", [EventKind.EMERGENCY_STOP, EventKind.DEAD_MAN])
def test_nor_after_what_made_it_safe_by_itself(
    session: Session, wire: Wire, kind: EventKind
) -> None:
    wire.after = lambda: session.told(Event(kind, 0, 0, 0))
    with pytest.raises(MotionStopped):
        session.write("lamp", 1, time.monotonic())
    assert session.held() == {}


def test_nor_does_the_keepers_own_command(session: Session, wire: Wire) -> None:
    session.write("lamp", 1, time.monotonic())
    wire.before = session.stop
    session._refresh("lamp", 1)
    assert session.held() == {}
    assert wire.lit == 0


def keep(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what the keeper does once outputs are due to be commanded again."""
    monkeypatch.setattr(sessions, "REFRESH", math.inf)
    session.keep()


@pytest.mark.parametrize("made_safe", [Wire.emergency_stop, Wire.grow_old])
@pytest.mark.parametrize("before", [7, 0xFFFF])
def test_nor_where_the_boards_word_that_it_made_it_safe_was_lost(
    wire: Wire,
    made_safe: Callable[[Wire], Event],
    before: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wire.emergency_stops = wire.dead_men = before
    session = Session("board", wire, {}, lambda *_: None)
    session.write("lamp", 1, time.monotonic())
    keep(session, monkeypatch)
    assert (list(session.held()), wire.lit) == (["lamp"], 1)
    made_safe(wire)
    keep(session, monkeypatch)
    assert (session.held(), wire.lit) == ({}, 0)
    session.write("lamp", 1, time.monotonic())  # a lamp may say why it stands
    keep(session, monkeypatch)
    assert (list(session.held()), wire.lit) == (["lamp"], 1)


def test_what_is_set_after_a_stop_that_was_heard_of_is_kept(
    session: Session, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.write("lamp", 1, time.monotonic())
    session.told(wire.emergency_stop())
    assert session.held() == {}
    session.write("lamp", 1, time.monotonic())
    keep(session, monkeypatch)
    assert (list(session.held()), wire.lit) == (["lamp"], 1)


def test_one_that_is_told_while_the_board_is_asked_counts_once(
    session: Session, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.write("lamp", 1, time.monotonic())
    counted = wire.status()
    monkeypatch.setattr(wire, "status", lambda: session.told(wire.emergency_stop()) or counted)
    keep(session, monkeypatch)
    assert session.held() == {}
    monkeypatch.undo()
    session.write("lamp", 1, time.monotonic())
    keep(session, monkeypatch)
    assert wire.lit == 1


@pytest.mark.parametrize("how", ["thread", "task"])
@pytest.mark.parametrize("when", ["waiting", "ended"])
def test_the_keeper_does_not_undo_a_newer_write(
    session: Session, wire: Wire, how: str, when: str
) -> None:
    """That had the turn while the keeper waited for it; or was acknowledged a moment ago."""
    session.write("lamp", 1, time.monotonic())
    if when == "waiting":
        wire.waiting = lambda: write(session, how, 0)
        session._refresh("lamp", 1)
    else:
        wire.ended = lambda: session._refresh("lamp", 1)
        write(session, how, 0)
    assert wire.lit == 0
    assert session.held()["lamp"][0] == 0


def test_what_is_commanded_while_the_board_is_told_is_not_kept(
    session: Session, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it came before the stop or after it, nobody knows."""
    stop = wire.stop

    def slow() -> None:
        monkeypatch.setattr(wire, "stop", stop)
        session.write("lamp", 1, time.monotonic())
        stop()

    monkeypatch.setattr(wire, "stop", slow)
    session.stop()
    assert session.held() == {}


def test_a_board_that_does_not_hear_the_stop_is_commanded_nothing_all_the_same(
    session: Session, wire: Wire
) -> None:
    """It lets go by itself then, within its time."""
    session.write("lamp", 1, time.monotonic())
    wire.mute = True
    with pytest.raises(BoardSilent):
        session.stop()
    assert session.held() == {}


def test_a_result_of_a_newer_board_is_a_fault_of_its_number():
    wire = Wire()
    session = Session("board", wire, {}, lambda _name, _sample: None)
    wire.values = lambda _numbers: [Value(1, 0, 99, 0, 0)]
    with pytest.raises(BoardFault, match="lamp of board could not be read: 99"):
        session.read(["lamp"])
