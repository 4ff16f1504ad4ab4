"""Frames of the firmware link: COBS(message, CRC-16/IBM-3740), ended by a zero.

A message that makes something happen has a guard of its own: a second CRC-16, of another
polynomial, begun from the session's number. One CRC-16 lets one broken frame of 65,536 pass; both
together let one of four thousand million, and none of another session.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from cobs import cobs
from fastcrc import crc16
from handrail.v1.link_layout import MESSAGES, Arm, Command, Event, Message, SetStream

GUARD = 2  # octets
AROUND = 5  # octets that a frame has beside its message's fields: code, number, CRC, zero
LONGEST = 255  # octets of a frame, its zero left off
Guarded = TypeVar("Guarded", Command, SetStream, Arm)


def frame(message: Message) -> bytes:
    """Return a message as it goes over the line."""
    payload = message.pack()
    crc = crc16.ibm_3740(payload).to_bytes(2, "little")
    stuffed: bytes = cobs.encode(payload + crc)
    return stuffed + b"\0"


def guarded(message: Guarded, session: int) -> Guarded:
    """Return a message with the guard of its session."""
    payload = message.pack()[:-GUARD]
    # fastcrc inverts the start as it inverts the end
    return replace(message, guard=crc16.en_13757(payload, session ^ 0xFFFF))


SHORTEST = len(frame(Event(0, 0, 0, 0)))  # octets of what a board says


class Splitter:
    """Makes messages of the octets that come; counts what is none."""

    def __init__(self) -> None:
        self._begun = b""
        self._skipping = False
        self.broken = 0  # frames that were none
        self.unknown = 0  # messages of a newer version

    @property
    def wanting(self) -> int:
        """How many octets are missing at least until the next message is whole.

        Its second octet tells what it is, and so how long; a broken one has nobody wait for more
        than the shortest message.
        """
        kind = MESSAGES.get(self._begun[1]) if self._begun[1:] else None
        whole = kind.LAYOUT.size + AROUND if kind else SHORTEST
        return min(max(whole - len(self._begun), 1), SHORTEST)

    def feed(self, octets: bytes) -> list[Message]:
        """Take what came; return the messages that it completes."""
        *whole, rest = octets.split(b"\0")
        found = []
        for part in whole:
            data, self._begun = self._begun + part, b""
            message = None if self._skipping else self._open(data)
            self._skipping = False
            if message is not None:
                found.append(message)
        self._begun += rest
        if len(self._begun) > LONGEST:  # not ours, or another speed
            self._begun = b""
            self.broken += not self._skipping
            self._skipping = True
        return found

    def _open(self, data: bytes) -> Message | None:
        if not data:
            return None
        try:
            payload = cobs.decode(data)
        except cobs.DecodeError:
            payload = b""
        if len(payload) < 3 or crc16.ibm_3740(payload[:-2]).to_bytes(2, "little") != payload[-2:]:
            self.broken += 1
            return None
        kind = MESSAGES.get(payload[0])
        if kind is None:
            self.unknown += 1
            return None
        try:
            return kind.unpack(payload[1:-2])
        except ValueError:
            self.broken += 1
            return None
