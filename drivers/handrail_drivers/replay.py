"""A capture as a device: it answers what was answered then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from handrail_drivers.capture import Capture, Entry
from handrail_drivers.emulator import Exchange

SHOWN = 48  # bytes of a difference


@dataclass(frozen=True, slots=True)
class Turn:
    """What was asked in one go, what was answered before the next question, and after how long."""

    question: bytes
    answer: bytes
    delay: float  # s


@dataclass(frozen=True, slots=True)
class Difference:
    """Where somebody asked otherwise than the capture has it. ``turn`` counts from 1."""

    turn: int
    expected: bytes
    found: bytes

    def sentence(self) -> str:
        """Return it for people."""
        end = "nothing more" if not self.expected else _shown(self.expected)
        return f"at question {self.turn}, the capture has {end}; {_shown(self.found)} came"


def _shown(data: bytes) -> str:
    """Return the first bytes in hexadecimal, and as text where they are some."""
    part = data[:SHOWN]
    is_text = all(32 <= byte < 127 or byte in b"\r\n\t" for byte in part)
    return part.hex(" ") + (f" ({part.decode('ascii')!r})" if is_text else "")


class StrictReplay:
    """An emulator that answers the same questions in the same order.

    Once anything else is asked it says nothing any more, and ``difference`` tells what it was.
    """

    def __init__(self, capture: Capture) -> None:
        self._turns = list(turns(capture.entries))
        self._next = 0
        self._pending = b""
        self.difference: Difference | None = None

    @property
    def left(self) -> int:
        """Questions of the capture that were not asked."""
        return len(self._turns) - self._next

    def exchanges(self, data: bytes, line_baud: int | None) -> list[Exchange]:
        """Take bytes; return what was answered to them."""
        del line_baud
        if self.difference is not None:
            return []
        self._pending += data
        return list(self._answers())

    def forget_partial(self) -> None:
        """Wait for the rest of a question, however long it takes."""

    def _answers(self) -> Iterator[Exchange]:
        while self._pending:
            turn = self._turns[self._next] if self.left else Turn(b"", b"", 0.0)
            size = min(len(turn.question), len(self._pending))
            if not size or turn.question[:size] != self._pending[:size]:
                self.difference = Difference(self._next + 1, turn.question, self._pending)
                return
            if size < len(turn.question):
                return
            self._pending = self._pending[size:]
            self._next += 1
            yield size, turn.answer, turn.delay


class LenientReplay:
    """An emulator that answers each question as it was answered, in whatever order they come.

    The same question gets its answers one after the other, and the last one for ever; what was
    never asked gets none, and is counted in ``unknown`` [bytes].
    """

    def __init__(self, capture: Capture) -> None:
        self._answers: dict[bytes, list[Turn]] = {}
        for turn in turns(capture.entries, apart=True):
            self._answers.setdefault(turn.question, []).append(turn)
        self._longest_first = sorted(self._answers, key=len, reverse=True)
        self._asked = dict.fromkeys(self._answers, 0)
        self._pending = b""
        self.unknown = 0

    def exchanges(self, data: bytes, line_baud: int | None) -> list[Exchange]:
        """Take bytes; return what was answered to the questions in them."""
        del line_baud
        self._pending += data
        found = []
        while self._pending:
            question = self._question()
            if question is not None:
                self._pending = self._pending[len(question) :]
                found.append(self._answered(question))
            elif any(known.startswith(self._pending) for known in self._longest_first):
                break
            else:
                self._pending = self._pending[1:]
                self.unknown += 1
        return found

    def forget_partial(self) -> None:
        """Give up a question that has begun."""
        self.unknown += len(self._pending)
        self._pending = b""

    def _question(self) -> bytes | None:
        known = (one for one in self._longest_first if self._pending.startswith(one))
        return next(known, None)

    def _answered(self, question: bytes) -> Exchange:
        told = self._answers[question]
        turn = told[min(self._asked[question], len(told) - 1)]
        self._asked[question] += 1
        return len(question), turn.answer, turn.delay


def turns(entries: Iterable[Entry], *, apart: bool = False) -> Iterator[Turn]:
    """Yield questions with their answers; what came before the first question is left out.

    ``apart``: what was sent in several writes without an answer between is several questions.
    """
    question = answer = b""
    asked = answered = 0
    for entry in entries:
        if entry.way == "<":
            if question:
                answered = entry.time_ns if not answer else answered
                answer += entry.data
            continue
        if question and (answer or apart):
            yield Turn(question, answer, (answered - asked) * 1e-9 if answer else 0.0)
            question = answer = b""
        question += entry.data
        asked = entry.time_ns
    if question:
        yield Turn(question, answer, (answered - asked) * 1e-9 if answer else 0.0)
