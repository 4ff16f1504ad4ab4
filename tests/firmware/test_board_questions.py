"""Questions to a board, of threads and of tasks: asked again, one command at a time."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from handrail.v1.link_layout import Ack, AckResult, AskStatus, Command, Status
from handrail_drivers.board.frames import Splitter
from handrail_drivers.board.link import Link
from handrail_drivers.board.questions import TRIES, LoopQuestion, Question, Questions
from handrail_drivers.errors import BoardSilent

LIMIT = 60.0  # s


class Line:
    """A transport whose other end is the test."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.wrote = threading.Semaphore(0)

    def write(self, data: bytes) -> None:
        self.written.append(data)
        self.wrote.release()

    def read(self, size: int, timeout_s: float) -> bytes:
        return b""

    def discard_input(self) -> None:
        pass

    def close(self) -> None:
        pass


def commands(line: Line) -> list[Command]:
    found = [Splitter().feed(data)[0] for data in line.written]
    return [one for one in found if isinstance(one, Command)]


def acknowledge(link: Link, command: Command) -> None:
    link._take(Ack(command.sequence, AckResult.DONE, command.channel, command.value, 0), 0)


def test_a_question_without_an_answer_is_asked_again_and_then_forgotten():
    line = Line()
    questions, one = Questions(line, 0.001), Question(Status, 5, AskStatus(5))
    questions.exchange([one])
    assert one.answer is None
    assert len(line.written) == TRIES
    assert not questions.answered((Status, 5), AskStatus(5), 0)


async def test_that_of_a_task_too():
    line = Line()
    questions, one = Questions(line, 0.001), LoopQuestion(Status, 5, AskStatus(5))
    await questions.exchange_on_loop(one)
    assert one.answer is None
    assert len(line.written) == TRIES
    assert not questions.answered((Status, 5), AskStatus(5), 0)


def command(link: Link, channel: int, value: int) -> Ack:
    with link.turn():
        return link.command(channel, value)


async def command_on_loop(link: Link, channel: int, value: int) -> Ack:
    async with link.turn_on_loop():
        return await link.command_on_loop(channel, value)


async def test_a_task_that_is_cancelled_leaves_nothing_behind():
    line = Line()
    link = Link("board", line, LIMIT, lambda *_: None)
    asking = asyncio.create_task(command_on_loop(link, 3, 1))
    await asyncio.to_thread(line.wrote.acquire, timeout=LIMIT)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert link._questions._open == {}
    again = asyncio.create_task(command_on_loop(link, 3, 0))  # it has the turn
    await asyncio.to_thread(line.wrote.acquire, timeout=LIMIT)
    acknowledge(link, commands(line)[-1])
    assert (await again).value == 0


async def test_a_task_waits_for_its_turn_behind_a_thread_and_blocks_no_loop():
    line = Line()
    link = Link("board", line, LIMIT, lambda *_: None)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(command, link, 1, 10)
        await asyncio.to_thread(line.wrote.acquire, timeout=LIMIT)
        second = asyncio.create_task(command_on_loop(link, 2, 20))
        await asyncio.sleep(0)
        assert [one.value for one in commands(line)] == [10]
        acknowledge(link, commands(line)[0])
        assert first.result(LIMIT).value == 10
        await asyncio.to_thread(line.wrote.acquire, timeout=LIMIT)
        acknowledge(link, commands(line)[1])  # another thread's answer
        assert (await second).value == 20
    assert commands(line)[1].sequence == commands(line)[0].sequence + 1


async def test_a_silent_board_is_said():
    link = Link("board", Line(), 0.001, lambda *_: None)
    with pytest.raises(BoardSilent, match="does not answer Command"):
        await command_on_loop(link, 1, 1)


def test_an_answer_for_an_event_loop_that_has_ended_hurts_nobody():
    async def asked() -> LoopQuestion:
        return LoopQuestion(Status, 5, AskStatus(5))

    asyncio.run(asked()).wake()
