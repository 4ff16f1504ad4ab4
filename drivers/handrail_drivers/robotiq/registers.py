"""The registers of a Robotiq 2F gripper as values. Pure, no I/O.

Source: Robotiq 2F-85 & 2F-140 Instruction Manual, section 4 (control: output and input registers)
and 4.7 (Modbus RTU: outputs at 0x03E8, inputs at 0x07D0, function 3 reads, 16 writes).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

OUTPUT, INPUT = 0x03E8, 0x07D0  # addresses of three registers each
COUNT = 3
MOST = 255  # of position, speed and force; position 0 is open
ACTIVATE, GO = 0x01, 0x08  # bits of the action request: rACT and rGTO
RELEASE, RELEASE_OPENS = 0x10, 0x20  # rATR, which overrides all but rACT, and its direction rARD
ACTIVATION_FIRST, BIT_FIRST = 0x05, 0x07  # faults: it waits for something, and is not broken
RELEASING, RELEASED = 0x0B, 0x0F
MAJOR = 0x0A  # from here on only an activation helps
FAULTS = {
    ACTIVATION_FIRST: "the activation has to be completed first",
    BIT_FIRST: "the activation bit has to be set first",
    0x08: "too hot",
    0x09: "nobody has spoken for a second",
    0x0A: "below its least voltage",
    RELEASING: "automatic release in progress",
    0x0C: "internal fault",
    0x0D: "activation fault",
    0x0E: "overcurrent",
    RELEASED: "automatic release completed",
}


class Activation(IntEnum):
    """gSTA."""

    RESET = 0  # or an automatic release
    RUNNING = 1
    DONE = 3


class Contact(IntEnum):
    """gOBJ: what the fingers met on their way to the request."""

    MOVING = 0
    OPENING = 1  # stopped by a thing while opening
    CLOSING = 2  # stopped by a thing while closing
    NONE = 3  # at the request


@dataclass(frozen=True, slots=True)
class Command:
    """What the gripper is asked for; position, speed and force 0 to 255.

    ``release``: give way slowly to an end of the way, however it was asked for; for a person who
    is caught. This driver never asks for it, and clears what somebody else asked for.
    """

    activate: bool
    go: bool
    position: int
    speed: int
    force: int
    release: bool = False
    release_opens: bool = False

    def words(self) -> list[int]:
        """Return the three output registers."""
        action = ACTIVATE * self.activate | GO * self.go
        action |= RELEASE * self.release | RELEASE_OPENS * self.release_opens
        return [action << 8, self.position, self.speed << 8 | self.force]


@dataclass(frozen=True, slots=True)
class Status:
    """What the gripper says; positions 0 to 255, current in 10 mA."""

    activated: bool
    going: bool
    activation: int  # of Activation; 2 is not used
    contact: Contact
    fault: int
    echo: int  # of the position request
    position: int
    current: int

    def words(self) -> list[int]:
        """Return the three input registers."""
        byte = ACTIVATE * self.activated | GO * self.going | self.activation << 4
        byte |= self.contact << 6
        return [byte << 8, self.fault << 8 | self.echo, self.position << 8 | self.current]


def command_of(words: Sequence[int]) -> Command:
    """Return what three output registers ask for."""
    action = words[0] >> 8
    return Command(
        activate=bool(action & ACTIVATE),
        go=bool(action & GO),
        position=words[1] & 0xFF,
        speed=words[2] >> 8,
        force=words[2] & 0xFF,
        release=bool(action & RELEASE),
        release_opens=bool(action & RELEASE_OPENS),
    )


def status_of(words: Sequence[int]) -> Status:
    """Return what three input registers say."""
    byte = words[0] >> 8
    return Status(
        activated=bool(byte & ACTIVATE),
        going=bool(byte & GO),
        activation=byte >> 4 & 3,
        contact=Contact(byte >> 6 & 3),
        fault=words[1] >> 8 & 0x0F,
        echo=words[1] & 0xFF,
        position=words[2] >> 8,
        current=words[2] & 0xFF,
    )
