"""The firmware link's messages, in fixed little-endian layouts.

Made by protos/generate_link.py from link.proto; change that, then `make protos`.
"""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass
from enum import IntEnum
from typing import ClassVar, Self


class LinkVersion(IntEnum):
    """The protocol's version that this file describes."""

    MAJOR = 1
    MINOR = 0


class LinkFeature(IntEnum):
    """What a side can do beyond the first version's messages, as bits."""

    # SetStream and Samples.
    STREAMS = 1
    # AskClock and Clock.
    CLOCK = 2


class ChannelKind(IntEnum):
    """What a channel is."""

    DIGITAL_IN = 1
    DIGITAL_OUT = 2
    ANALOG_IN = 3
    PWM = 4
    SERVO = 5
    # Its value is the position to go to, and the one where it is.
    STEPPER = 6
    QUADRATURE = 7
    COUNTER = 8
    I2C_SENSOR = 9


class ChannelEffect(IntEnum):
    """What writing a channel does to the world."""

    OBSERVE = 1
    MOVE = 2
    CONFIGURE = 3


class AckResult(IntEnum):
    """What became of a command."""

    DONE = 1
    # `value` is the limit that it would have passed.
    OUT_OF_RANGE = 2
    UNKNOWN_CHANNEL = 3
    # The channel is only read, or only written.
    WRONG_DIRECTION = 4
    # Outputs hold their safe values until Arm.
    NOT_ARMED = 5
    # The emergency-stop input is open.
    EMERGENCY_STOP = 6
    # Its sequence number is older than the newest; nothing was done.
    STALE = 7
    # No such message in this version; `value` is its number.
    UNKNOWN_MESSAGE = 8
    # The host has not greeted with a major version that the board speaks.
    NO_SESSION = 9
    # Every stream is taken, or the period is longer than a second. A shorter one than the board
    # can keep is taken, and what it misses counted.
    NO_ROOM = 10
    # The sensor did not answer.
    FAULT = 11


class ResetCause(IntEnum):
    """Why the board began anew."""

    POWER_ON = 1
    EXTERNAL = 2
    BROWN_OUT = 3
    WATCHDOG = 4
    SOFTWARE = 5


class EventKind(IntEnum):
    """What a board tells unasked."""

    EMERGENCY_STOP = 1
    EMERGENCY_STOP_RELEASED = 2
    # An output went to its safe value because no command came in its time.
    DEAD_MAN = 3


class BoardState(IntEnum):
    """Bits of `Status.state`."""

    ARMED = 1
    EMERGENCY_STOP = 2
    SESSION = 4


class Message:
    """What all messages have."""

    NUMBER: ClassVar[int]
    LAYOUT: ClassVar[struct.Struct]
    REST: ClassVar[int] = 0

    def pack(self) -> bytes:
        """Return number and fields as they stand in a frame.

        Raises:
            struct.error: a number does not fit its field.
            ValueError: bytes are longer than their field.
        """
        parts = list(astuple(self))  # type: ignore[call-overload]  # every subclass is a dataclass
        rest = parts.pop() if self.REST else b""
        if len(rest) > self.REST:
            raise ValueError(f"{type(self).__name__} holds {self.REST} bytes at most")
        return bytes((self.NUMBER,)) + self.LAYOUT.pack(*parts) + rest

    @classmethod
    def unpack(cls, fields: bytes) -> Self:
        """Return the message of these fields, which stand after its number.

        Raises:
            ValueError: they are not as long as such a message is.
        """
        size = cls.LAYOUT.size
        if not size <= len(fields) <= size + cls.REST:
            raise ValueError(f"{cls.__name__} has {size} bytes, these are {len(fields)}")
        parts = cls.LAYOUT.unpack(fields[:size])
        return cls(*parts, fields[size:]) if cls.REST else cls(*parts)


@dataclass(frozen=True, slots=True)
class Greet(Message):
    """Begins a session.

    Outputs go to their safe values, streams end, sequence numbers start anew.
    """

    NUMBER: ClassVar[int] = 1
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBHH")

    major: int
    minor: int
    features: int
    # Chosen by chance; the guard of every command of this session starts from it.
    session: int


if Greet.LAYOUT.size != 6:
    raise ImportError("layout of Greet")


@dataclass(frozen=True, slots=True)
class AskChannel(Message):
    """Asks for one channel's description."""

    NUMBER: ClassVar[int] = 2
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<B")

    channel: int


if AskChannel.LAYOUT.size != 1:
    raise ImportError("layout of AskChannel")


@dataclass(frozen=True, slots=True)
class Command(Message):
    """Sets an output.

    One that repeats the newest sequence number is acknowledged again, and not done again.
    """

    NUMBER: ClassVar[int] = 3
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HBiH")

    sequence: int
    channel: int
    value: int
    # CRC-16/EN-13757 over all before it, the number included, started from the session.
    guard: int


if Command.LAYOUT.size != 9:
    raise ImportError("layout of Command")


@dataclass(frozen=True, slots=True)
class AskValue(Message):
    """Asks for a channel's value as it is now."""

    NUMBER: ClassVar[int] = 4
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HB")

    # Comes back in the answer.
    token: int
    channel: int


if AskValue.LAYOUT.size != 3:
    raise ImportError("layout of AskValue")


@dataclass(frozen=True, slots=True)
class SetStream(Message):
    """Sets how often a channel is sampled by the board's own clock; 0 ends it."""

    NUMBER: ClassVar[int] = 5
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HBIHH")

    sequence: int
    channel: int
    # us between two samples
    period: int
    # ms after which a sample is sent also where the frame is not full.
    patience: int
    guard: int


if SetStream.LAYOUT.size != 11:
    raise ImportError("layout of SetStream")


@dataclass(frozen=True, slots=True)
class AskClock(Message):
    """Asks for the board's counter."""

    NUMBER: ClassVar[int] = 6
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<H")

    token: int


if AskClock.LAYOUT.size != 2:
    raise ImportError("layout of AskClock")


@dataclass(frozen=True, slots=True)
class Arm(Message):
    """Allows outputs to leave their safe values; refused while the emergency stop is open."""

    NUMBER: ClassVar[int] = 7
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HH")

    sequence: int
    guard: int


if Arm.LAYOUT.size != 4:
    raise ImportError("layout of Arm")


@dataclass(frozen=True, slots=True)
class Stop(Message):
    """Puts every output to its safe value and disarms.

    Nothing stands before it: no session, no guard.
    """

    NUMBER: ClassVar[int] = 8
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<H")

    token: int


if Stop.LAYOUT.size != 2:
    raise ImportError("layout of Stop")


@dataclass(frozen=True, slots=True)
class AskStatus(Message):
    """Asks for the state and the fault counters."""

    NUMBER: ClassVar[int] = 9
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<H")

    token: int


if AskStatus.LAYOUT.size != 2:
    raise ImportError("layout of AskStatus")


@dataclass(frozen=True, slots=True)
class Hello(Message):
    """Sent after a reset, again and again until greeted, with session 0; and in answer to Greet."""

    NUMBER: ClassVar[int] = 129
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBHHBBHHI16s16s")

    major: int
    minor: int
    features: int
    # As in Greet; 0 where there is none.
    session: int
    channels: int
    reset_cause: int
    # CRC-16/IBM-3740 of all channels' descriptions in their order: what is installed.
    description: int
    # Of the application, its own count.
    version: int
    # Ticks of the free-running counter in a second.
    counter_hz: int
    # The application's name.
    application: bytes
    # The port's name.
    board: bytes


if Hello.LAYOUT.size != 48:
    raise ImportError("layout of Hello")


@dataclass(frozen=True, slots=True)
class Channel(Message):
    """One channel. Its value in `unit` is (raw + offset) * mantissa * 10^exponent."""

    NUMBER: ClassVar[int] = 130
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBBbHiiiiiHH16s8s32s")

    channel: int
    kind: int
    effect: int
    exponent: int
    # ms without a fresh command after which it goes to its safe value.
    max_age: int
    low: int
    high: int
    # Beyond these: it goes to no value, and lets go. A stepper slows down to a stop, whatever
    # stands here.
    safe: int
    offset: int
    mantissa: int
    # Of steppers: raw/s at most.
    speed: int
    # Of steppers: raw/s2.
    acceleration: int
    name: bytes
    # UCUM code
    unit: bytes
    text: bytes


if Channel.LAYOUT.size != 86:
    raise ImportError("layout of Channel")


@dataclass(frozen=True, slots=True)
class Ack(Message):
    """What became of the command with this sequence number, or Stop's token."""

    NUMBER: ClassVar[int] = 131
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HBBiI")

    sequence: int
    result: int
    channel: int
    value: int
    # Of the counter, when it was done.
    time: int


if Ack.LAYOUT.size != 12:
    raise ImportError("layout of Ack")


@dataclass(frozen=True, slots=True)
class Value(Message):
    """A channel's value."""

    NUMBER: ClassVar[int] = 132
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HBBiI")

    token: int
    channel: int
    # An AckResult.
    result: int
    value: int
    time: int


if Value.LAYOUT.size != 12:
    raise ImportError("layout of Value")


@dataclass(frozen=True, slots=True)
class Samples(Message):
    """Samples of one channel, a period apart: 2 octets each where its range allows, else 4."""

    NUMBER: ClassVar[int] = 133
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBHI")
    REST: ClassVar[int] = 48

    channel: int
    # Counts the frames of this stream, so that a lost one is seen.
    count: int
    # Ticks that the latest of them was taken after its time.
    late: int
    # Of the counter, when the first was due.
    time: int
    data: bytes


if Samples.LAYOUT.size != 8:
    raise ImportError("layout of Samples")


@dataclass(frozen=True, slots=True)
class Clock(Message):
    """The board's counter."""

    NUMBER: ClassVar[int] = 134
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HII")

    token: int
    # The counter when the question's last octet was taken, and when this was made.
    received: int
    sent: int


if Clock.LAYOUT.size != 10:
    raise ImportError("layout of Clock")


@dataclass(frozen=True, slots=True)
class Status(Message):
    """The state and the fault counters."""

    NUMBER: ClassVar[int] = 135
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<HBBIIHHHHHHHHHHI")

    token: int
    # BoardState bits
    state: int
    reset_cause: int
    time: int
    # Frames taken, and frames dropped: for their CRC, their framing or length, their guard.
    frames: int
    bad_crc: int
    bad_frame: int
    bad_guard: int
    # Octets that the board could not take in time.
    overruns: int
    # Frames that found no room to be sent.
    unsent: int
    refused: int
    repeated: int
    dead_man: int
    emergency_stops: int
    # Samples that were not taken in their period.
    missed: int
    # The longest time between two looks at the emergency stop, in ticks.
    longest_poll: int


if Status.LAYOUT.size != 36:
    raise ImportError("layout of Status")


@dataclass(frozen=True, slots=True)
class Event(Message):
    """Something that happened on the board."""

    NUMBER: ClassVar[int] = 136
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBiI")

    kind: int
    channel: int
    value: int
    time: int


if Event.LAYOUT.size != 10:
    raise ImportError("layout of Event")


MESSAGES: dict[int, type[Message]] = {
    Greet.NUMBER: Greet,
    AskChannel.NUMBER: AskChannel,
    Command.NUMBER: Command,
    AskValue.NUMBER: AskValue,
    SetStream.NUMBER: SetStream,
    AskClock.NUMBER: AskClock,
    Arm.NUMBER: Arm,
    Stop.NUMBER: Stop,
    AskStatus.NUMBER: AskStatus,
    Hello.NUMBER: Hello,
    Channel.NUMBER: Channel,
    Ack.NUMBER: Ack,
    Value.NUMBER: Value,
    Samples.NUMBER: Samples,
    Clock.NUMBER: Clock,
    Status.NUMBER: Status,
    Event.NUMBER: Event,
}
