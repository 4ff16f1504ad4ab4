"""What a board says of its channels, and how their raw counts become values with a unit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastcrc import crc16
from handrail.v1.link_layout import Channel, ChannelEffect, ChannelKind, LinkVersion

from handrail_drivers.api import Effect
from handrail_drivers.errors import BoardFault, InvalidValue

NAME = re.compile(r"[a-z][a-z0-9_]*")
TAKEN = frozenset({"time_ns", "error"})  # `read_values` tells them beside the channels
EFFECTS = {
    ChannelEffect.OBSERVE: Effect.OBSERVE,
    ChannelEffect.MOVE: Effect.MOVE,
    ChannelEffect.CONFIGURE: Effect.CONFIGURE,
}
WRITTEN = frozenset(
    {ChannelKind.DIGITAL_OUT, ChannelKind.PWM, ChannelKind.SERVO, ChannelKind.STEPPER}
)
READ = frozenset(ChannelKind) - WRITTEN | {ChannelKind.STEPPER}
LEVELS = frozenset({ChannelKind.DIGITAL_IN, ChannelKind.DIGITAL_OUT})
NARROW = 32_768  # of raw: beyond, samples have four octets


@dataclass(frozen=True, slots=True)
class BoardChannel:
    """One channel of a board. ``low``, ``high`` and ``safe`` are values in ``unit``."""

    number: int
    name: str
    text: str
    kind: ChannelKind
    effect: Effect
    unit: str
    raw_low: int
    raw_high: int
    raw_safe: int
    offset: int
    scale: float  # unit a count
    max_age: float  # s
    digits: int  # after the point, that a value can have

    @property
    def readable(self) -> bool:
        """Whether it has a value that can be asked for."""
        return self.kind in READ

    @property
    def writable(self) -> bool:
        """Whether it is an output."""
        return self.kind in WRITTEN

    @property
    def is_level(self) -> bool:
        """Whether it is on or off."""
        return self.kind in LEVELS

    @property
    def low(self) -> float:
        """Its lowest value."""
        return self.value(self.raw_low)

    @property
    def high(self) -> float:
        """Its highest value."""
        return self.value(self.raw_high)

    @property
    def safe(self) -> float | None:
        """The value to which it goes by itself; None: to none, it stays where it is.

        A stepper slows down. Of another output a safe value beyond its range is none to go to.
        """
        goes = (
            self.kind is not ChannelKind.STEPPER and self.raw_low <= self.raw_safe <= self.raw_high
        )
        return self.value(self.raw_safe) if goes else None

    @property
    def by_itself(self) -> str:
        """What it does where nobody commands it."""
        if self.kind is ChannelKind.STEPPER:
            return "slows down to a stop where it is"
        return "lets go" if self.safe is None else f"goes to {self.safe:g}"

    @property
    def width(self) -> int:
        """Octets of one sample in a stream."""
        return 2 if self.raw_low >= -NARROW and self.raw_high < NARROW else 4

    def value(self, raw: int) -> float:
        """Return what so many counts mean."""
        return round((raw + self.offset) * self.scale, self.digits)

    def raw(self, value: float) -> int:
        """Return the counts of a value.

        Raises:
            InvalidValue: it is beyond a limit.
        """
        # half a count of room: limits are told rounded
        count = (value / self.scale) - self.offset
        if not self.raw_low - 0.5 <= count <= self.raw_high + 0.5:
            limit = self.low if count < self.raw_low else self.high
            raise InvalidValue(
                f"{self.name} goes from {self.low:g} to {self.high:g} {self.unit}.",
                field=self.name,
                value=value,
                limit=limit,
                unit=self.unit,
                hint=f"give a value from {self.low:g} to {self.high:g}",
            )
        return min(max(round(count), self.raw_low), self.raw_high)


def named(kind: Any, number: int) -> str:
    """Return a value of an enum as a word; its number where this side does not know it."""
    try:
        return str(kind(number).name.lower())
    except ValueError:
        return str(number)


def text(octets: bytes) -> str:
    """Return what stands in bytes that are padded with zeros."""
    return octets.split(b"\0")[0].decode("ascii", "replace")


def described(
    subject: str, channels: Sequence[Channel], digest: int, minor: int = LinkVersion.MINOR
) -> dict[str, BoardChannel]:
    """Return a board's channels by name, without those that are :func:`left_out`.

    Raises:
        BoardFault: they are not those of which the board said the digest, or contradict themselves.
    """
    octets = b"".join(one.pack()[1:] for one in channels)
    if crc16.ibm_3740(octets) != digest:
        raise BoardFault(f"The description of {subject} came damaged.", subject=subject)
    found = [_channel(subject, one) for one in channels if not _is_news(one, minor)]
    by_name = {one.name: one for one in found}
    if len(by_name) != len(found):
        raise BoardFault(f"{subject} has two channels of one name.", subject=subject)
    return by_name


def left_out(channels: Sequence[Channel], minor: int) -> tuple[str, ...]:
    """Return the names of channels that this side cannot use, of a board of a newer minor version.

    One of its own version, or an older, that has such a channel is wrong, and refused.
    """
    return tuple(text(one.name) for one in channels if _is_news(one, minor))


def _is_news(said: Channel, minor: int) -> bool:
    known = said.kind in set(ChannelKind) and said.effect in set(ChannelEffect)
    return minor > LinkVersion.MINOR and not known


def _channel(subject: str, said: Channel) -> BoardChannel:
    try:
        kind, effect = _judged(said)
        return BoardChannel(
            number=said.channel,
            name=_text(said.name),
            text=_text(said.text),
            kind=kind,
            effect=effect,
            unit=_text(said.unit) or "1",
            raw_low=said.low,
            raw_high=said.high,
            raw_safe=said.safe,
            offset=said.offset,
            scale=said.mantissa * 10.0**said.exponent,
            max_age=said.max_age * 1e-3,
            digits=max(-said.exponent, 0),
        )
    except (ValueError, KeyError) as error:
        raise BoardFault(
            f"Channel {said.channel} of {subject} cannot be used: {error}.",
            subject=subject,
            hint="its firmware is another's, or newer than this bridge: update the bridge",
        ) from error


def _judged(said: Channel) -> tuple[ChannelKind, Effect]:
    """Return what a channel is and does; ValueError or KeyError where it makes no sense."""
    if not NAME.fullmatch(name := _text(said.name)):
        raise ValueError(f"its name is {name!r}")
    if name in TAKEN:
        raise ValueError(f"its name is {name!r}, which is told with every reading")
    if not said.low <= said.high or said.mantissa <= 0 or not -12 <= said.exponent <= 6:
        raise ValueError("its range is empty, or its scale none")
    kind, effect = ChannelKind(said.kind), EFFECTS[ChannelEffect(said.effect)]
    if kind in WRITTEN and (said.max_age == 0 or effect is Effect.OBSERVE):
        raise ValueError("an output has a maximum age, and an effect")
    return kind, effect


def _text(octets: bytes) -> str:
    return octets.split(b"\0")[0].decode("ascii")
