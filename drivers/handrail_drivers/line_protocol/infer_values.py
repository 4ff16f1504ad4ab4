"""Which values the lines of a capture ask for and set, and which belong together."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from handrail_drivers.line_protocol.infer_frame import Line

NUMBERS = re.compile(r"[-+]?\d+(?:\.\d+)?")
TELLING = 2  # different numbers with which something was set before it is believed
LETTERS = 3  # of an answer that may be a name


@dataclass(slots=True)
class Asked:
    """A value that is asked for: its question, its answer's template, what was read when."""

    name: str
    ask: str
    answer: str
    readings: list[tuple[int, float]]  # number of the turn, what was read
    spec: str = ""

    @property
    def varies(self) -> bool:
        """Whether it ever read otherwise."""
        return len({value for _, value in self.readings}) > 1


@dataclass(slots=True)
class Told:
    """A value that is set: the template, its answer, what was told when."""

    name: str
    tell: str
    told: str
    settings: list[tuple[int, float]]
    asked: Asked | None = None


@dataclass(slots=True)
class Findings:
    """All that a capture's lines tell."""

    asked: list[Asked] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    identity: Line | None = None
    unknown: list[str] = field(default_factory=list)


def findings(lines: Sequence[Line]) -> Findings:
    """Return what lines tell of a device."""
    found = Findings()
    for own in _by_shape(lines).values():
        _judge(own, found)
    _pair(found)
    _name(found)
    return found


def entries(found: Findings) -> list[tuple[Asked | None, Told | None]]:
    """Return each value: how it is asked for, how it is set."""
    tells = {id(told.asked): told for told in found.told if told.asked is not None}
    pairs: list[tuple[Asked | None, Told | None]] = [
        (one, tells.get(id(one))) for one in found.asked
    ]
    return pairs + [(None, told) for told in found.told if told.asked is None]


def moved_by(asked: Asked | None, found: Findings) -> Iterator[str]:
    """Yield what was set between two readings whenever they differ."""
    if asked is None or not asked.varies:
        return
    readings = asked.readings
    changes = [
        (before[0], after[0])
        for before, after in itertools.pairwise(readings)
        if before[1] != after[1]
    ]
    for told in found.told:
        if told.asked is not asked and all(
            any(first < turn < last for turn, _ in told.settings) for first, last in changes
        ):
            yield told.name


def _by_shape(lines: Sequence[Line]) -> dict[str, list[tuple[int, Line]]]:
    """Return the lines whose questions differ in nothing but numbers, with their turns."""
    found: dict[str, list[tuple[int, Line]]] = {}
    for turn, line in enumerate(lines):
        found.setdefault(NUMBERS.sub("\0", line.question), []).append((turn, line))
    return found


def _judge(lines: list[tuple[int, Line]], found: Findings) -> None:
    """Take questions of one shape for what is asked, or what is told."""
    columns = list(zip(*(NUMBERS.findall(line.question) for _, line in lines), strict=True))
    open_ = [n for n, column in enumerate(columns) if len(set(column)) > 1]
    if open_ and _is_acknowledged(lines, open_[-1]):
        found.told.extend(_told(lines, open_[-1]))
        return
    for question in dict.fromkeys(line.question for _, line in lines):
        own = [(turn, line) for turn, line in lines if line.question == question]
        _judge_question(question, own, found)


def _is_acknowledged(lines: list[tuple[int, Line]], number: int) -> bool:
    """Tell whether the answers say nothing but yes, or the number itself."""
    answers = {line.answer.replace(NUMBERS.findall(line.question)[number], "") for _, line in lines}
    return len(answers) == 1 and len({line.question for _, line in lines}) >= TELLING


def _told(lines: list[tuple[int, Line]], number: int) -> Iterator[Told]:
    """Yield one for each channel: the numbers before the last are names of what is set."""
    channels: dict[tuple[str, ...], list[tuple[int, Line]]] = {}
    for turn, line in lines:
        given = NUMBERS.findall(line.question)
        channels.setdefault((*given[:number], *given[number + 1 :]), []).append((turn, line))
    for own in channels.values():
        first = own[0][1]
        texts = [NUMBERS.findall(line.question)[number] for _, line in own]
        tell = _with_hole(first.question, number, f"{{value:{_spec(texts)}}}")
        told = first.answer
        if texts[0] in NUMBERS.findall(told) and any(
            text not in own[0][1].answer for text in texts
        ):
            told = _with_hole(told, NUMBERS.findall(told).index(texts[0]), "{value}")
        settings = [(turn, float(text)) for (turn, _), text in zip(own, texts, strict=True)]
        yield Told("", tell, told, settings)


def _judge_question(question: str, lines: list[tuple[int, Line]], found: Findings) -> None:
    answers = [line.answer for _, line in lines]
    shapes = {NUMBERS.sub("\0", answer) for answer in answers}
    letters = sum(sign.isalpha() for sign in answers[0].replace(question, ""))
    columns = list(zip(*(NUMBERS.findall(answer) for answer in answers), strict=False))
    fixed = len(set(answers)) == 1
    if fixed and (not columns or letters >= LETTERS) and found.identity is None and letters:
        found.identity = Line(question, answers[0])
        return
    if len(shapes) > 1 or not columns:
        shown = ", ".join(map(repr, list(dict.fromkeys(answers))[:4]))
        found.unknown.append(f"{question!r} is answered with {shown}: left out, it is no number")
        return
    varying = [n for n, column in enumerate(columns) if len(set(column)) > 1]
    for number in varying or [len(columns) - 1]:
        template = _answer(answers[0], number, varying)
        readings = [(turn, float(NUMBERS.findall(line.answer)[number])) for turn, line in lines]
        found.asked.append(Asked("", question, template, readings))


def _answer(answer: str, number: int, varying: Sequence[int]) -> str:
    """Return the template of one number of an answer; others that vary may be anything."""
    parts, at = [], 0
    for n, match in enumerate(NUMBERS.finditer(answer)):
        hole = "{value}" if n == number else "{}" if n in varying else match[0]
        parts += [answer[at : match.start()], hole]
        at = match.end()
    return "".join([*parts, answer[at:]])


def _with_hole(text: str, number: int, hole: str) -> str:
    match = list(NUMBERS.finditer(text))[number]
    return text[: match.start()] + hole + text[match.end() :]


def _spec(texts: Sequence[str]) -> str:
    """Return the format in which numbers were written: sign, width, decimals."""
    decimals = max(len(text.partition(".")[2]) for text in texts)
    sign = "+" if any(text.startswith("+") for text in texts) else ""
    widths = {len(text) for text in texts}
    digits = [text.lstrip("+-").partition(".")[0] for text in texts]
    padded = any(len(one) > 1 and one.startswith("0") for one in digits)
    width = f"0{max(widths)}" if padded and len(widths) == 1 else ""
    return f"{sign}{width}.{decimals}f" if decimals else f"{sign}{width}d"


def _pair(found: Findings) -> None:
    """Find for each value that is told the one that reads so afterwards."""
    for told in found.told:
        fitting = [one for one in found.asked if _follows(told, one)]
        taken = [other.asked for other in found.told]
        told.asked = next((one for one in fitting if one not in taken), None)


def _follows(told: Told, asked: Asked) -> bool:
    """Tell whether what is told is what is read next, each time and at least twice."""
    hits = 0
    for n, (turn, value) in enumerate(told.settings):
        end = told.settings[n + 1][0] if n + 1 < len(told.settings) else float("inf")
        after = [read for at, read in asked.readings if turn < at < end]
        if after:
            if abs(after[0] - value) > 1e-9 + 1e-6 * abs(value):
                return False
            hits += 1
    return hits >= TELLING


def _name(found: Findings) -> None:
    """Name values after the letters of their questions."""
    taken: set[str] = set()
    alone = [told for told in found.told if told.asked is None]
    named: list[tuple[Asked | Told, str]] = [(one, one.ask) for one in found.asked]
    named += [(told, re.sub(r"\{.*?\}", "", told.tell)) for told in alone]
    for one, text in named:
        base = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
        base = base if base[:1].isalpha() else f"value_{base}".rstrip("_")
        name, number = base, 2
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        one.name = name
        taken.add(name)
    for told in found.told:
        told.name = told.asked.name if told.asked is not None else told.name
