"""What a call of an agent's tool gives, refusals and lost answers included: an agent reads on."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from handrail_drivers.api import Effect
from handrail_drivers.errors import HandrailError, InvalidRequest, NotReady, Refused

from handrail_bridge.plain import plain
from handrail_bridge.reports import Permit

# What is refused before anything is done, and never once a motion has begun. All else may come
# after it: of a bridge that leaves, of a device that does not answer what was written, or refuses
# the second of two registers.
NOTHING_DONE = (InvalidRequest, Refused, NotReady)
LONGEST = 60_000  # characters of a result that a model reads
CUT = (
    "(cut: it has {} characters. Ask for less at a time: fewer things, a limit, one call a reply.)"
)


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded image."""

    data: bytes
    mime_type: str


@dataclass(frozen=True, slots=True)
class Result:
    """JSON values and pictures.

    ``refused`` where nothing was done, ``unknown`` where nobody knows whether it was. ``data`` then
    says why: ``{"refused": {code, message, field, value, limit, unit, hint, choices}}``, empty
    parts left out, or ``{"unknown": {code, message, hint}}``. ``room``: characters of it that a
    model reads.
    """

    data: dict[str, Any]
    pictures: tuple[Picture, ...] = ()
    refused: bool = False
    unknown: bool = False
    room: int = LONGEST

    @property
    def failed(self) -> bool:
        """Whether it is no answer: ``data`` is not as the tool's output schema says."""
        return self.refused or self.unknown

    @property
    def text(self) -> str:
        """All of ``data`` as JSON in ASCII: what a text hides in Unicode shows."""
        return json.dumps(self.data)

    @property
    def told(self) -> str:
        """The text as a model reads it: where it is too long its beginning, and that it was cut."""
        text = self.text
        if len(text) <= self.room:
            return text
        return f"{text[: self.room]} {CUT.format(len(text))}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a plan has come: ``fraction`` 0 to 1, and what it is doing."""

    fraction: float
    message: str


class Waiting(Protocol):
    """What waits for a person: a checked plan, or a call of a device's tool."""

    @property
    def handle(self) -> str:
        """Name of it, for whoever serves the agent."""

    @property
    def permit(self) -> Permit:
        """Its permit, which is not good yet."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a caller wants to be told of while a call lasts.

    ``approve`` is awaited where a plan or a call needs a person, before it waits for the person's
    word; it may put the question to somebody. It raises to end the call, in which nothing moved.
    """

    progress: Callable[[Progress], Awaitable[None]] | None = None
    approve: Callable[[Waiting], Awaitable[None]] | None = None


NOBODY = Hooks()
Act = Callable[[Mapping[str, Any], Hooks], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class AgentTool:
    """One tool as an agent sees it. Schemas are JSON Schema, units as UCUM under "unit"."""

    name: str
    description: str
    effect: Effect
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]
    act: Act = field(repr=False)
    idempotent: bool = False  # once more changes nothing more

    async def call(self, arguments: Mapping[str, Any], hooks: Hooks = NOBODY) -> Result:
        """Call it. Errors of ours come back as results; cancelling it stops what it moves."""
        try:
            return await self.act(arguments, hooks)
        except HandrailError as error:
            return refusal(error) if self.effect == Effect.OBSERVE else failure(error)


def refusal(error: HandrailError, **more: Any) -> Result:
    """Return an error of ours as a result that an agent can mend its request by."""
    return Result({"refused": plain(error.detail()), **more}, refused=True)


def failure(error: HandrailError) -> Result:
    """Return what ended an act as a result: a refusal, or that nobody knows what was done."""
    if isinstance(error, NOTHING_DONE):
        return refusal(error)
    said = f"Nobody knows whether it was done: {error}"
    hint = "look at what is there before you do it again"
    return Result({"unknown": {"code": error.code, "message": said, "hint": hint}}, unknown=True)
