"""How the lines of a capture are framed: what they begin and end with, which checksum they have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from handrail_drivers.capture import Capture
from handrail_drivers.errors import InvalidRequest
from handrail_drivers.line_protocol.checksums import CHECKSUMS, FORMS, length, written
from handrail_drivers.line_protocol.protocol import LineProtocol, Sum, ValueLine
from handrail_drivers.replay import turns

FEWEST = 3  # different lines of which a checksum is believed
LONGEST_END = 2  # bytes
ANY = {"any": ValueLine(description="any", ask="any")}


@dataclass(frozen=True, slots=True)
class Line:
    """A question and its answer without framing; an empty answer is none."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Framed:
    """A capture's framing, and its lines without it."""

    frame: LineProtocol  # its values say nothing
    lines: tuple[Line, ...]
    odd: int  # turns that do not fit


def framing(capture: Capture) -> Framed:
    """Return how a capture is framed.

    Raises:
        InvalidRequest: too little passed, or it does not look like lines.
    """
    pairs = [(turn.question, turn.answer) for turn in turns(capture.entries) if turn.answer]
    if len({question for question, _ in pairs}) < 2:
        raise InvalidRequest(
            "The capture has too little in it: fewer than two different questions were answered.",
            field="capture",
            hint="use the device in all the ways that its own software knows, and capture that",
        )
    whole = [part for pair in pairs for part in pair]
    end = _end(whole)
    pairs = [(last, answer) for question, answer in pairs for last in (_last(question, end),)]
    bodies = [part[: -len(end)] for pair in pairs for part in pair if part.endswith(end)]
    start = _start(bodies)
    found = _checksum(bodies, start)
    frame = LineProtocol(
        start=start.decode("latin-1"), end=end.decode("latin-1"), checksum=found, values=ANY
    )
    lines = list(_lines(frame, pairs, end))
    return Framed(frame, tuple(lines), len(pairs) - len(lines))


def _lines(frame: LineProtocol, pairs: Sequence[tuple[bytes, bytes]], end: bytes) -> Iterator[Line]:
    for question, answer in pairs:
        parts = [
            frame.unframed(part[: -len(end)]) if part.endswith(end) else None
            for part in (question, answer)
        ]
        if parts[0] is not None and parts[1] is not None:
            yield Line(parts[0], parts[1])


def _end(whole: Sequence[bytes]) -> bytes:
    """Return what all lines end with, such as CR LF.

    Raises:
        InvalidRequest: there is no such thing.
    """
    common = _common([part[::-1] for part in whole])[::-1][-LONGEST_END:]
    while common[:1].isalnum():  # letters and digits belong to a text
        common = common[1:]
    if common:
        return common
    raise InvalidRequest(
        "The lines of the capture have no common end: this is no protocol of lines.",
        field="capture",
        hint="a protocol of frames with a length in them needs a driver of its own",
    )


def _common(parts: Sequence[bytes]) -> bytes:
    """Return what all of them begin with."""
    first, last = min(parts), max(parts)
    size = next(
        (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[: min(size, len(first))]


def _last(question: bytes, end: bytes) -> bytes:
    """Return the last of several questions that were sent in one go: the one that is answered."""
    inside = question.removesuffix(end)
    return question[inside.rfind(end) + len(end) :] if end in inside else question


def _start(bodies: Sequence[bytes]) -> bytes:
    """Return the sign that every line begins with, where it is no letter or digit."""
    first = _common(bodies)[:1]
    return b"" if first.isalnum() or first in (b"+", b"-", b".") else first


def _checksum(bodies: Sequence[bytes], start: bytes) -> Sum | None:
    """Return the first checksum that every line has."""
    distinct = sorted(set(bodies), key=len, reverse=True)
    if len(distinct) < FEWEST:
        return None
    for kind in CHECKSUMS:
        for form in FORMS:
            size = length(kind, form)
            for separator in _separators(distinct, size):
                for covers in (False, True) if start else (False,):
                    covered = slice(0 if covers else len(start), -size)
                    if _fits(distinct, kind, form, separator, covered):
                        return Sum(
                            kind=kind,
                            form=form,  # type: ignore[arg-type]  # one of FORMS
                            separator=separator.decode("latin-1"),
                            covers_start=covers,
                        )
    return None


def _separators(bodies: Sequence[bytes], size: int) -> Iterator[bytes]:
    """Yield the sign that stands before a checksum of some bytes in every line, then none."""
    before = {body[-size - 1 : -size] for body in bodies}
    if len(before) == 1 and (sign := before.pop()) and not sign.isalnum():
        yield sign
    yield b""


def _fits(bodies: Sequence[bytes], kind: str, form: str, separator: bytes, covered: slice) -> bool:
    size = -covered.stop
    for body in bodies:
        if len(body) < size + len(separator) + 1:
            return False
        part = body[covered]
        if not part.endswith(separator) or written(kind, form, part) != body[-size:]:
            return False
    return True
