"""The file that describes a device which speaks in lines: framing, checksum, values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handrail_drivers.api import Effect
from handrail_drivers.errors import InvalidCell
from handrail_drivers.line_protocol.checksums import CHECKSUMS, length, written

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
NUMBER = r"([-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)"
HOLE = re.compile(r"\{(value)?(?::(\+?0?\d*(?:\.\d+)?[fd]))?\}")


class Part(BaseModel):
    """A part of the file: unknown keys and non-finite numbers are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Sum(Part):
    """The checksum of a frame."""

    kind: str = Field(description="its name, see handrail_drivers.line_protocol.checksums")
    form: Literal["HEX", "hex", "big", "little"] = Field(default="HEX", description="how it stands")
    separator: str = Field(default="", description="between the text and it")
    covers_start: bool = Field(default=False, description="whether it is made of the start, too")


class Identity(Part):
    """A question whose answer tells that this is the device."""

    ask: str
    answer: str = Field(description="regular expression that the whole answer has to match")


class ValueLine(Part):
    """One value: how it is asked for, how it is set."""

    description: Annotated[str, Field(min_length=1)] = Field(description="for people and models")
    unit: str = Field(default="1", description="UCUM code")
    scale: Annotated[float, Field(ge=1e-12)] = Field(default=1.0, description="value = n * scale")
    ask: str | None = Field(default=None, description="the question")
    answer: str = Field(default="{value}", description="{value} a number, {} what may be anything")
    tell: str | None = Field(default=None, description="how it is set, as RATE {value:.2f}")
    told: str = Field(default="", description="what is answered to that; empty: nothing is")
    low: float | None = Field(default=None, description="limit")
    high: float | None = Field(default=None, description="limit")
    effect: Effect = Field(default=Effect.MOVE, description="of setting it")
    safe: float | None = Field(default=None, description="set at every stop, and at the end")


class LineProtocol(Part):
    """All that Handrail knows of one kind of device."""

    start: str = Field(default="", description="what every line begins with")
    end: Annotated[str, Field(min_length=1)] = Field(default="\n", description="and ends with")
    checksum: Sum | None = Field(default=None, description="none: there is none")
    identity: Identity | None = Field(default=None, description="asked when it is connected")
    stop: str | None = Field(default=None, description="told at every stop")
    stopped: str = Field(default="", description="what is answered to that; empty: nothing is")
    values: Annotated[dict[Name, ValueLine], Field(min_length=1)]

    def framed(self, text: str) -> bytes:
        """Return a line as it stands on the wire."""
        data = (self.start + text).encode("latin-1")
        if self.checksum is not None:
            data += self.checksum.separator.encode("latin-1")
            covered = data if self.checksum.covers_start else data[len(self.start) :]
            data += written(self.checksum.kind, self.checksum.form, covered)
        return data + self.end.encode("latin-1")

    def unframed(self, line: bytes) -> str | None:
        """Return the text of a line that has lost its end; None where it is none."""
        start = self.start.encode("latin-1")
        if not line.startswith(start):
            return None
        if self.checksum is not None:
            size = length(self.checksum.kind, self.checksum.form)
            line, found = line[:-size], line[-size:]
            covered = line if self.checksum.covers_start else line[len(start) :]
            separator = self.checksum.separator.encode("latin-1")
            right = written(self.checksum.kind, self.checksum.form, covered)
            if found != right or not line.endswith(separator):
                return None
            line = line[: len(line) - len(separator)]
        text = line[len(start) :]
        return text.decode("ascii") if text.isascii() else None


def pattern(template: str) -> re.Pattern[str]:
    """Return what an answer has to match; its first group is the number, where there is one."""
    parts, at = [], 0
    for hole in HOLE.finditer(template):
        parts += [re.escape(template[at : hole.start()]), NUMBER if hole[1] else ".*?"]
        at = hole.end()
    return re.compile("".join([*parts, re.escape(template[at:])]))


def filled(template: str, number: float) -> str:
    """Return a template with a number in its place."""

    def put(hole: re.Match[str]) -> str:
        spec = hole[2] or "g"
        return format(round(number) if spec.endswith("d") else number, spec)

    return HOLE.sub(put, template)


def step(template: str) -> float:
    """Return the least difference of two numbers that a template can tell apart."""
    hole = next((hole for hole in HOLE.finditer(template) if hole[1]), None)
    spec = (hole[2] if hole else None) or ""
    if spec.endswith("d"):
        return 1.0
    return float(10.0 ** -int(spec.partition(".")[2][:-1] or 6)) if spec.endswith("f") else 1e-6


def load_protocol(path: Path) -> LineProtocol:
    """Return a protocol from a TOML file.

    Raises:
        InvalidCell: there is none, it is no TOML, or it contradicts itself; every fault is named.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid(path.name, [str(error)]) from error
    return read_protocol(text, path.name)


def read_protocol(text: str, where: str) -> LineProtocol:
    """Return a protocol from a file's text; raises as :func:`load_protocol`."""
    try:
        found = LineProtocol.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise _invalid(where, [str(error)]) from error
    except ValidationError as error:
        faults = [
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors(include_url=False)
        ]
        raise _invalid(where, faults) from error
    faults = list(_faults(found))
    if faults:
        raise _invalid(where, faults)
    return found


def _invalid(where: str, faults: list[str]) -> InvalidCell:
    text = "; ".join(faults)
    return InvalidCell(f"The line protocol {where} cannot be used: {text}.", faults)


def _faults(found: LineProtocol) -> Iterator[str]:
    if found.checksum is not None and found.checksum.kind not in CHECKSUMS:
        yield f"checksum.kind: there is no {found.checksum.kind!r}"
    if found.identity is not None:
        try:
            re.compile(found.identity.answer)
        except re.error as error:
            yield f"identity.answer: {error}"
    for name, one in found.values.items():
        yield from (f"values.{name}.{fault}" for fault in _value_faults(one))


def _value_faults(one: ValueLine) -> Iterator[str]:
    if one.ask is None and one.tell is None:
        yield "ask: it is neither asked for nor told"
    if one.ask is not None and _holes(one.answer) != 1:
        yield "answer: it has {value} once"
    if one.tell is None:
        if one.safe is not None:
            yield "safe: it is not told"
        return
    if _holes(one.tell) != 1 or "{}" in one.tell:
        yield "tell: it has {value} once, and nothing open"
    if one.low is None or one.high is None or not one.low < one.high:
        yield "low: what is told has limits on both sides, low below high"
    elif one.safe is not None and not one.low <= one.safe <= one.high:
        yield "safe: it is beyond a limit"
    if one.effect is Effect.OBSERVE:
        yield "effect: what is told moves or configures"


def _holes(template: str) -> int:
    return sum(hole[1] is not None for hole in HOLE.finditer(template))
