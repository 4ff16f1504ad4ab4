"""What is wrong with a bus of Feetech servos that does not answer as it should. Moves nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.codec import BROADCAST, OVERHEAD, Instruction, Parser, build
from handrail_drivers.servos.frames import Frame
from handrail_drivers.transport import Transport

WAIT = 0.1  # s for an answer
PLENTY = 512  # bytes
LOWEST = 6.0  # V below which a bus servo forgets its torque
TRIES = 3  # pings of one servo: two that answer at once spoil one another
Open = Callable[[int], Transport]  # the bus at a rate [bit/s]


@dataclass(frozen=True, slots=True)
class ServoFinding:
    """What is wrong; ``remedy`` says what mends it."""

    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Bus:
    """What was found on a bus: the rate at which servos answer, their ids, what is wrong."""

    baud: int | None
    ids: tuple[int, ...]
    findings: tuple[ServoFinding, ...]


def examine_servos(open_bus: Open, expected_baud: int) -> Bus:
    """Look for wrong rates, ids that two servos share, and a supply that sags.

    Raises:
        BusLost: the bus cannot be opened.
    """
    bauds = (expected_baud, *(one for one in reg.BAUD_RATES if one != expected_baud))
    for baud in bauds:
        port = open_bus(baud)
        try:
            ids = _ids(port)
            if ids:
                found = [*_rate(baud, expected_baud), *_shared(port, ids), *_supply(port, ids)]
                return Bus(baud, tuple(sorted(ids)), tuple(found))
        finally:
            port.close()
    sentence = f"no servo answers at any of {len(bauds)} rates"
    remedy = "check the supply's plug, the bus cable, and that nobody else holds the port"
    return Bus(None, (), (ServoFinding(sentence, remedy),))


def _ids(port: Transport) -> Counter[int]:
    """Return who answers a ping of all, and how often."""
    said = _asked(port, build(BROADCAST, Instruction.PING))
    return Counter(frame.id for frame in Parser().feed(said) if frame.id != BROADCAST)


def _rate(baud: int, expected: int) -> list[ServoFinding]:
    if baud == expected:
        return []
    sentence = f"the servos answer at {baud} bit/s, not at {expected}"
    remedy = f"set baud = {baud} in the cell, or the servos' register 6 to {expected}"
    return [ServoFinding(sentence, remedy)]


def _shared(port: Transport, ids: Counter[int]) -> list[ServoFinding]:
    """Find ids that two servos have: they answer twice, or spoil one another's answer."""
    found = []
    for servo in sorted(ids):
        spoilt = 0
        for _ in range(TRIES):
            said = _asked(port, build(servo, Instruction.PING))
            spoilt += len(said) > OVERHEAD or (bool(said) and not Parser().feed(said))
        if ids[servo] > 1 or spoilt:
            sentence = f"two servos have id {servo}"
            remedy = "unplug all but one of them and give it another id, one servo at a time"
            found.append(ServoFinding(sentence, remedy))
    return found


def _supply(port: Transport, ids: Counter[int]) -> list[ServoFinding]:
    found = []
    for servo in sorted(ids):
        at = reg.PRESENT_VOLTAGE.address
        frames = Parser().feed(_asked(port, build(servo, Instruction.READ, bytes((at, 1)))))
        voltage = _voltage(frames)
        complains = any(frame.code & 1 for frame in frames)  # the voltage bit of its status
        if voltage is not None and (voltage < LOWEST or complains):
            sentence = f"servo {servo} has {voltage:.1f} V: it browns out under load"
            remedy = "use the supply that the servos need, with short thick wires"
            found.append(ServoFinding(sentence, remedy))
    return found


def _voltage(frames: list[Frame]) -> float | None:
    values = [frame.parameters[0] for frame in frames if len(frame.parameters) == 1]
    return values[0] * reg.VOLTAGE_UNIT if values else None


def _asked(port: Transport, question: bytes) -> bytes:
    port.discard_input()
    port.write(question)
    said = port.read(1, WAIT)
    while said and (part := port.read(PLENTY, WAIT / 2)):
        said += part
    return said
