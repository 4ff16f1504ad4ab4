"""Questions on their way to a board: each waits for its answer, and is asked again without one.

Who waits is a thread, or a task of an event loop; the tries are the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from typing import TypeVar

from handrail.v1.link_layout import Message

from handrail_drivers.board.frames import frame
from handrail_drivers.transport import Transport

TRIES = 3  # of one question; answers are idempotent
Key = tuple[type[Message], int]


class Question:
    """One question of a thread, and its answer once it has come."""

    def __init__(self, kind: type[Message], number: int, message: Message) -> None:
        self.key: Key = (kind, number)
        self.message = message
        self.answer: Message | None = None
        self.asked_ns = 0
        self.answered_ns = 0
        self._come = threading.Event()

    def wake(self) -> None:
        """Have the waiting end."""
        self._come.set()

    def wait(self, timeout_s: float) -> None:
        """Wait for the answer, so long at most."""
        self._come.wait(timeout_s)


class LoopQuestion(Question):
    """One of a task: no thread waits for it, and none but the event loop's is woken."""

    def __init__(self, kind: type[Message], number: int, message: Message) -> None:
        super().__init__(kind, number, message)
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()

    def wake(self) -> None:
        """Have the waiting end; nothing where the event loop has ended."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._told.set)

    async def await_answer(self, timeout_s: float) -> None:
        """Wait for the answer, so long at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._told.wait()


Asked = TypeVar("Asked", bound=Question)


class Questions:
    """The questions that one board has been asked. Safe to use from several threads.

    Args:
        transport: to the board; somebody else reads from it.
        timeout: s for one answer.
    """

    def __init__(self, transport: Transport, timeout: float) -> None:
        self._transport = transport
        self._timeout = timeout
        self._writing = threading.Lock()
        self._table = threading.Lock()
        self._open: dict[Key, Question] = {}

    def answered(self, key: Key, answer: Message, now_ns: int) -> bool:
        """Give an answer to who waits for it; tell whether anybody does."""
        with self._table:
            found = self._open.pop(key, None)
        if found is None:
            return False
        found.answer, found.answered_ns = answer, now_ns
        found.wake()
        return True

    def exchange(self, several: Sequence[Question]) -> None:
        """Ask several things at once; what has no answer then got none.

        Raises:
            BusLost: the port is gone.
        """
        with contextlib.closing(self._tries(several)) as tries:
            for one, patience in tries:
                one.wait(patience)

    async def exchange_on_loop(self, one: LoopQuestion) -> None:
        """As :meth:`exchange`, for one question of a task."""
        with contextlib.closing(self._tries([one])) as tries:
            for asked, patience in tries:
                await asked.await_answer(patience)

    def _tries(self, several: Sequence[Asked]) -> Generator[tuple[Asked, float], None, None]:
        """Ask, and yield what is to be waited for, with the time [s] that it has."""
        for _ in range(TRIES):
            left = [one for one in several if one.answer is None]
            if not left:
                return
            with self._expected(left):
                with self._writing:
                    self._transport.write(b"".join(frame(one.message) for one in left))
                deadline = time.monotonic() + self._timeout
                for one in left:
                    yield one, max(deadline - time.monotonic(), 0)

    @contextlib.contextmanager
    def _expected(self, several: Sequence[Question]) -> Iterator[None]:
        """Have answers find their questions while the block runs."""
        with self._table:
            self._open.update({one.key: one for one in several})
        try:
            for one in several:
                one.asked_ns = time.monotonic_ns()
            yield
        finally:
            with self._table:
                for one in several:
                    self._open.pop(one.key, None)
