"""Asks who is on a port, with questions that move nothing.

Each question is one by which a family of devices says who it is: a ping, an identity, a version. A
device of another family may take its bytes for something else; that is why a port is asked only
for what its adapter lets expect, and for everything only where a person names the port. Then it is
listened to first: what begins anew when its port is opened says who it is, and is asked by nothing
but its own family's question, as long as it answers that.

What could move another machine is asked of nobody who did not invite it: Marlin's question begins
as a line of G-code does, and is put to who has said in Marlin's words that it does not understand
an instrument's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from handrail.v1.link_layout import AskStatus, Hello, Status

from handrail_drivers.board.frames import Splitter, frame
from handrail_drivers.discovery import Found
from handrail_drivers.discovery.servos import (
    BROADCAST,
    DYNAMIXEL,
    FEETECH,
    MOST,
    Answered,
    listed,
)
from handrail_drivers.dynamixel.models import MODELS
from handrail_drivers.errors import BusLost
from handrail_drivers.grbl import words
from handrail_drivers.servos.line import PING
from handrail_drivers.transport import Transport

WAIT = 0.25  # s for an answer, or for the rest of it
BOOT = 2.5  # s that Grbl needs which was reset as its port was opened
MARLIN_BOOT = 5.0  # s, likewise; more than that no board takes to say its first word
PLENTY = 512  # bytes
Open = Callable[[int], Transport]  # a port at a rate [bit/s]


@dataclass(frozen=True, slots=True)
class Said:
    """Who has answered, and what a cell can be told of it."""

    what: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Probe:
    """How one family is asked, at which rates, and what its answer says; None: it is no answer.

    ``greets`` tells whether what was said unasked is one of its members' first words. Where there
    is a ``second`` question, it is put to whose answer to the first has the words ``invites``.
    """

    driver: str
    bauds: tuple[int, ...]
    question: bytes
    understand: Callable[[bytes], Said | None]
    greets: Callable[[bytes], bool] = lambda _: False
    invites: bytes = b""
    second: bytes = b""
    patience: float = WAIT  # s for its answer


def _servos(family: str, answered: Answered, joints: Mapping[int, Any]) -> Said | None:
    """Return which servos have answered, and joints for a cell, each named by its id."""
    if not answered:
        return None
    ids = [id for id, _ in answered]
    twice = sorted({id for id in ids if ids.count(id) > 1})
    what = listed(family, answered) + (f"; twice: {twice}" if twice else "")
    named = {f"joint_{id}": {"id": id, **joint} for id, joint in sorted(joints.items())}
    return Said(what, {"joints": named} if named else {})


def _feetech(said: bytes) -> Said | None:
    answered = FEETECH.answered(said)
    return _servos("Feetech", answered, {id: {"effort": LEAST_EFFORT} for id, _ in answered})


def _dynamixel(said: bytes) -> Said | None:
    answered = DYNAMIXEL.answered(said)
    joints = {
        id: {"model": model, "effort": min(LEAST_EFFORT, MODELS[model].stall_torque)}
        for id, model in answered
        if model in MODELS
    }
    return _servos("Dynamixel", answered, joints)


def _grbl(said: bytes) -> Said | None:
    lines = [line.strip() for line in said.decode("ascii", "replace").splitlines()]
    if not any(words.report_of(line) for line in lines):
        return None
    greeting = next((line for line in lines if line.startswith("Grbl ")), "")
    boot = {"boot": BOOT} if greeting else {}  # it has greeted as its port was opened
    return Said(greeting.partition(" [")[0] or "Grbl controller", boot)


def _marlin(said: bytes) -> Said | None:
    text = said.decode("ascii", "replace")
    match = re.search(r"FIRMWARE_NAME:(Marlin.*?)(?: [A-Z_]+:|[\r\n]|$)", text)
    if match is None:
        return None
    boot = {"boot": MARLIN_BOOT} if re.search(r"^start\b", text, re.MULTILINE) else {}
    return Said(match[1], boot)


def _board(said: bytes) -> Said | None:
    found = [one for one in Splitter().feed(said) if isinstance(one, Hello | Status)]
    if not found:
        return None
    hello = next((one for one in found if isinstance(one, Hello)), None)
    what = "board with Handrail's firmware"
    if hello is None:
        return Said(what)
    application, board = (
        part.rstrip(b"\0").decode("ascii", "replace") for part in (hello.application, hello.board)
    )
    return Said(f"{what}, {application} on {board}")


def _numato(said: bytes) -> Said | None:
    match = re.search(rb"ver[\r\n]+([0-9A-Za-z.]+)[\r\n]+>", said)
    return Said(f"Numato module, firmware {match[1].decode()}") if match else None


def _instrument(said: bytes) -> Said | None:
    text = said.decode("ascii", "replace").strip()
    return Said(text) if re.fullmatch(r"[ -~]+(,[ -~]*){2,}", text) else None


X_BAUDS = (1_000_000, 57_600, 115_200, 2_000_000)  # the likeliest; 57600 is the factory's
LEAST_EFFORT = 0.5  # N.m of a draft's joints: a person says what they may have
GREETED = 115_200  # bit/s at which boards greet
IDENTITY = b"*IDN?\n"
STATUS = b"\0" + frame(AskStatus(token=1))  # the zero ends whatever was begun
PROBES = (
    Probe("feetech", FEETECH.bauds, FEETECH.dialect.request(BROADCAST, PING, b""), _feetech),
    Probe("dynamixel", X_BAUDS, DYNAMIXEL.dialect.request(BROADCAST, PING, b""), _dynamixel),
    Probe("numato_gpio", (19200,), b"\rver\r", _numato),
    Probe("board", (GREETED,), STATUS, _board, lambda said: _board(said) is not None),
    Probe("grbl", (GREETED,), words.STATUS, _grbl, lambda said: b"Grbl " in said),
    Probe(
        "marlin",
        (GREETED, 250_000),
        IDENTITY,
        _marlin,
        lambda said: b"Marlin" in said,
        invites=b"echo:Unknown command:",
        second=b"M115\n",
        patience=2.0,  # it may still begin
    ),
    Probe("scpi_supply", (9600, 115_200), IDENTITY, _instrument),
)


def probe(path: str, open_port: Open, drivers: tuple[str, ...] = ()) -> Found | None:
    """Return who answers on a port, at the first rate at which somebody does; None: nobody.

    Args:
        path: of the port, for what is proposed.
        open_port: opens it at a rate, after the first time without a board's beginning anew.
        drivers: of which families to ask; none: all that can be asked.

    Raises:
        BusLost: the port cannot be opened.
    """
    asked = [one for one in PROBES if not drivers or one.driver in drivers]
    greeting = b"" if drivers else _greeting(open_port)
    for one in sorted(asked, key=lambda one: not one.greets(greeting)):
        for baud in one.bauds:
            said = _asked(open_port, baud, one, greeting)
            if said is not None:
                settings = {"port": path, "baud": baud, **said.settings}
                return Found("device", path, said.what, one.driver, settings)
    return None


def _greeting(open_port: Open) -> bytes:
    """Return what is said unasked by who begins anew as its port is opened."""
    port = open_port(GREETED)
    try:
        return _heard(port, MARLIN_BOOT)
    except BusLost:
        return b""
    finally:
        port.close()


def _asked(open_port: Open, baud: int, one: Probe, greeting: bytes) -> Said | None:
    port = open_port(baud)
    try:
        port.discard_input()
        port.write(one.question)
        answer = _heard(port, one.patience)
        if one.second and one.invites in answer:
            port.write(one.second)
            answer = _heard(port, one.patience)
        said = greeting + answer if one.greets(greeting) else answer
        return one.understand(said) if answer else None
    except BusLost:
        return None  # unplugged while it was asked
    finally:
        port.close()


def _heard(port: Transport, seconds: float) -> bytes:
    """Return what comes within so long, and what follows it at once."""
    said = port.read(1, seconds)
    while said and len(said) < MOST and (part := port.read(PLENTY, WAIT)):
        said += part
    return said
