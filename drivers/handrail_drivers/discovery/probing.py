"""Asks who is on a port, with questions that move nothing.

Each question is one by which a family of devices says who it is: a ping, an identity, a version. A
device of another family may take its bytes for something else; that is why a port is asked only
for what its adapter lets expect, and for everything only where a person names the port.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from handrail_drivers.discovery import Found
from handrail_drivers.errors import BusLost
from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.codec import BROADCAST, Instruction, Parser, build
from handrail_drivers.transport import Transport

WAIT = 0.25  # s for an answer, or for the rest of it
PLENTY = 512  # bytes
Open = Callable[[int], Transport]  # a port at a rate [bit/s]


@dataclass(frozen=True, slots=True)
class Probe:
    """How one family is asked, at which rates, and what its answer says; None: it is no answer."""

    driver: str
    bauds: tuple[int, ...]
    question: bytes
    understand: Callable[[bytes], str | None]


def _servos(said: bytes) -> str | None:
    ids = [frame.id for frame in Parser().feed(said) if frame.id != BROADCAST]
    if not ids:
        return None
    twice = sorted({id for id in ids if ids.count(id) > 1})
    listed = ", ".join(map(str, sorted(set(ids))))
    return f"Feetech servos {listed}" + (f"; twice: {twice}" if twice else "")


def _numato(said: bytes) -> str | None:
    match = re.search(rb"ver[\r\n]+([0-9A-Za-z.]+)[\r\n]+>", said)
    return f"Numato module, firmware {match[1].decode()}" if match else None


def _instrument(said: bytes) -> str | None:
    text = said.decode("ascii", "replace").strip()
    return text if re.fullmatch(r"[ -~]+(,[ -~]*){2,}", text) else None


PROBES = (
    Probe("feetech", reg.BAUD_RATES, build(BROADCAST, Instruction.PING), _servos),
    Probe("numato_gpio", (19200,), b"\rver\r", _numato),
    Probe("scpi_supply", (9600, 115_200), b"*IDN?\n", _instrument),
)


def probe(path: str, open_port: Open, drivers: tuple[str, ...] = ()) -> Found | None:
    """Return who answers on a port, at the first rate at which somebody does; None: nobody.

    Args:
        path: of the port, for what is proposed.
        open_port: opens it at a rate.
        drivers: of which families to ask; none: all that can be asked.

    Raises:
        BusLost: the port cannot be opened.
    """
    for one in PROBES:
        if drivers and one.driver not in drivers:
            continue
        for baud in one.bauds:
            what = _asked(open_port, baud, one)
            if what is not None:
                settings = {"port": path, "baud": baud}
                return Found("device", path, what, one.driver, settings)
    return None


def _asked(open_port: Open, baud: int, one: Probe) -> str | None:
    port = open_port(baud)
    try:
        port.discard_input()
        port.write(one.question)
        said = port.read(1, WAIT)
        while said and (part := port.read(PLENTY, WAIT)):
            said += part
        return one.understand(said)
    except BusLost:
        return None  # unplugged while it was asked
    finally:
        port.close()
