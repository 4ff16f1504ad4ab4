"""A first draft of a line protocol from a capture."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from handrail_drivers.capture import Capture
from handrail_drivers.errors import InvalidRequest
from handrail_drivers.line_protocol.infer_frame import Framed, framing
from handrail_drivers.line_protocol.infer_values import (
    Asked,
    Findings,
    Told,
    entries,
    findings,
    moved_by,
)
from handrail_drivers.line_protocol.protocol import read_protocol


@dataclass(slots=True)
class Draft:
    """A file's text, and what a person has to look at: a sentence each."""

    text: str
    values: int
    unknown: list[str]


def infer(capture: Capture, name: str) -> Draft:
    """Return a draft of the line protocol of a captured device.

    Args:
        capture: what passed, best of everything that the device can do.
        name: of the capture, for the file's head.

    Raises:
        InvalidRequest: it does not look like a protocol of lines.
    """
    framed = framing(capture)
    found = findings(framed.lines)
    if not found.asked and not found.told:
        raise InvalidRequest("No answer of the capture has a number in it.", field="capture")
    text = "\n".join(_toml(framed, found, name)) + "\n"
    read_protocol(text, "the draft")
    return Draft(text, len(entries(found)), [*_framing_unknown(framed), *_unknown(found)])


def _toml(framed: Framed, found: Findings, name: str) -> Iterator[str]:
    frame = framed.frame
    yield f"# A first draft from {name}: look at every line."
    yield f"start = {_string(frame.start)}"
    yield f"end = {_string(frame.end)}"
    if frame.checksum is not None:
        for key, value in frame.checksum.model_dump().items():
            yield f"checksum.{key} = {_string(value) if isinstance(value, str) else _bool(value)}"
    if found.identity is not None:
        yield f"identity.ask = {_string(found.identity.question)}"
        yield f"identity.answer = {_string(re.escape(found.identity.answer))}"
    for asked, told in entries(found):
        yield from ("", *_value_toml(asked, told))


def _value_toml(asked: Asked | None, told: Told | None) -> Iterator[str]:
    name = asked.name if asked is not None else told.name if told is not None else ""
    yield f"[values.{name}]"
    yield f"description = {_string(f'What {name} is, nobody has said yet.')}"
    if asked is not None:
        yield f"ask = {_string(asked.ask)}"
        yield f"answer = {_string(asked.answer)}"
    if told is not None:
        numbers = [value for _, value in told.settings]
        yield f"tell = {_string(told.tell)}"
        yield f"told = {_string(told.told)}"
        yield f"low = {min(numbers)}  # the least that was told"
        yield f"high = {max(numbers)}  # the most that was told"
        yield 'effect = "move"  # guessed: until somebody knows better'


def _framing_unknown(framed: Framed) -> Iterator[str]:
    frame = framed.frame
    if frame.checksum is None:
        yield "no checksum was found: a spoilt answer will pass for a good one"
    else:
        yield f"the checksum is {frame.checksum.kind}, right in all lines"
    if framed.odd:
        yield f"{framed.odd} answers do not fit the framing and were left out"


def _unknown(found: Findings) -> Iterator[str]:
    for asked, told in entries(found):
        name = asked.name if asked is not None else told.name if told is not None else ""
        yield f"{name}: its unit, its description and its scale"
        if told is not None:
            yield f"{name}: its limits are what was told in the capture; is its effect to move?"
            yield f"{name}: which value is safe at a stop"
        if told is not None and asked is None:
            yield f"{name}: nothing that is read follows it; no result will be confirmed"
        if asked is not None and not asked.varies:
            yield f"{name}: it never read otherwise than {asked.readings[0][1]:g}"
        for other in moved_by(asked, found):
            yield f"{name}: it changes after {other} was set"
    yield from found.unknown


def _string(text: str) -> str:
    return json.dumps(text)


def _bool(value: bool) -> str:
    return "true" if value else "false"
