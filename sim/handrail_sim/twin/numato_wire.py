"""A USB GPIO module behind a byte stream: what the twin's buttons answer. Pure, no I/O.

Semantics from Numato Lab's command set: a command ends in CR and is echoed; lines end in LF CR;
the prompt ``>`` ends every answer; ``iomask`` says which channels ``iodir`` and ``writeall`` touch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Self

from handrail_drivers.emulator import Place, StandIn

LONGEST = 64  # characters of a command that are kept; the longest valid one has 44
NEW_LINE = b"\n\r"
PROMPT = b">"
CHANNELS = "0123456789ABCDEFGHIJKLMNOPQRSTUV"  # how modules of up to 32 channels number them
WITHOUT_NOTIFY = 8  # channels of the module that has no notifications


class NumatoModule(StandIn):
    """One module with normally closed buttons: an input reads high until it is pressed."""

    line: ClassVar[str] = "serial"
    paced: ClassVar[bool] = False

    def __init__(self, ports: int, inputs: Mapping[str, int]) -> None:
        self.inputs = tuple(inputs)
        self._ports = ports
        self._digits = ports // 4
        self._all = (1 << ports) - 1
        self._channels = dict(inputs)
        self._direction = self._mask = self._all  # bits by channel; 1: input
        self._driven = 0  # levels that outputs drive
        self._pressed = 0
        self._notify = False
        self._line = b""

    @classmethod
    def at(cls, place: Place) -> Self:
        """Return the module of one device."""
        return cls(place.settings.ports, place.settings.inputs)

    def press(self, name: str) -> None:
        """Press a button and leave it pressed, as an emergency stop stays: it reads 0."""
        self._pressed |= 1 << self._channels[name]

    def release(self, name: str) -> None:
        """Turn a button loose: it reads 1."""
        self._pressed &= ~(1 << self._channels[name])

    def outputs(self) -> Mapping[str, float]:
        """Return the levels that it drives, as bits."""
        return {"driven": float(self._driven & ~self._direction)}

    def change(self) -> None:
        """Have its first button pressed, or turned loose."""
        self._pressed ^= 1 << next(iter(self._channels.values()))

    def exchanges(self, data: bytes, line_baud: int | None) -> list[tuple[int, bytes, float]]:
        """Take bytes from the wire; return what is answered to them. USB knows no baud rate."""
        del line_baud
        return [(len(data), b"".join(self._hear(bytes((byte,))) for byte in data), 0.0)]

    def forget_partial(self) -> None:
        """A module waits for the end of a command for ever."""

    def _hear(self, character: bytes) -> bytes:
        if character == b"\n":
            return b""
        if character != b"\r":
            self._line = (self._line + character)[:LONGEST]
            return character
        line, self._line = self._line, b""
        answer = self._answer(line.decode("ascii", "replace"))
        return NEW_LINE + (answer.encode() + NEW_LINE if answer else b"") + PROMPT

    def _answer(self, command: str) -> str:
        match command.split(" "):
            case ["ver"]:
                return "A0M10.01"
            case ["id", "get"]:
                return "00000000"
            case ["gpio", "notify", word] if self._ports != WITHOUT_NOTIFY:
                self._notify = {"on": True, "off": False}.get(word, self._notify)
                return f"gpio notify {'enabled' if self._notify else 'disabled'}"
            case ["gpio", "readall"]:
                return f"{self._levels():0{self._digits}X}"
            case ["gpio", "read", number]:
                channel = self._channel(number)
                return "" if channel is None else str(self._levels() >> channel & 1)
            case ["gpio", order, bits] if re.fullmatch(rf"[0-9a-fA-F]{{{self._digits}}}", bits):
                self._order(order, int(bits, 16))
        return ""

    def _order(self, order: str, bits: int) -> None:
        keep = self._all & ~self._mask
        if order == "iomask":
            self._mask = bits
        elif order == "iodir":
            self._direction = self._direction & keep | bits & self._mask
        elif order == "writeall":
            self._driven = self._driven & keep | bits & self._mask

    def _levels(self) -> int:
        """Return the level of every channel: an input's from outside, an output's own."""
        outside = self._all & ~self._pressed
        return outside & self._direction | self._driven & ~self._direction

    def _channel(self, number: str) -> int | None:
        if self._ports <= len(CHANNELS):
            return (
                CHANNELS[: self._ports].find(number) if number in CHANNELS[: self._ports] else None
            )
        known = re.fullmatch(r"\d{2,3}", number) is not None and int(number) < self._ports
        return int(number) if known else None
