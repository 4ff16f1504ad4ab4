"""What is wrong with a bus of servos that does not answer as it should. Moves nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from handrail_drivers.dynamixel import codec as dynamixel
from handrail_drivers.dynamixel import models as x_series
from handrail_drivers.dynamixel import registers as x_registers
from handrail_drivers.feetech import codec as feetech
from handrail_drivers.feetech import registers as sts_registers
from handrail_drivers.servos.frames import Frame
from handrail_drivers.servos.line import PING, READ, Dialect
from handrail_drivers.transport import Transport

WAIT = 0.1  # s for an answer
PLENTY = 512  # bytes
MOST = 4096  # bytes that are listened to: who speaks without end says nothing
BROADCAST = 0xFE
VOLTAGE_UNIT = 0.1  # V, of every family
LOWEST = 6.0  # V below which a Feetech servo forgets its torque
TRIES = 3  # pings of one servo: two that answer at once spoil one another
Open = Callable[[int], Transport]  # the bus at a rate [bit/s]
Answered = Sequence[tuple[int, str]]  # id and model of each servo that did; a model may be empty


@dataclass(frozen=True, slots=True)
class Family:
    """How servos are asked who they are, and what their supply is.

    ``voltage``: address and size of its register; ``least``: of the one that says how little it
    may be, none: ``LOWEST``; ``complains``: the bit of an answer that may be about it;
    ``baud_register``: where its rate is; ``model``: says it by the answer to a ping.
    """

    name: str
    dialect: Dialect
    bauds: tuple[int, ...]
    voltage: tuple[int, int]
    least: tuple[int, int] | None
    complains: int
    baud_register: int
    model: Callable[[Frame], str]

    def answered(self, said: bytes) -> list[tuple[int, str]]:
        """Return who has answered a ping."""
        return [
            (frame.id, self.model(frame))
            for frame in self.dialect.parser().feed(said)
            if frame.id != BROADCAST and len(frame.parameters) == self.dialect.ping_size
        ]


FEETECH = Family(
    "Feetech",
    feetech.Dialect(),
    sts_registers.BAUD_RATES,
    voltage=(sts_registers.PRESENT_VOLTAGE.address, 1),
    least=None,
    complains=1,
    baud_register=sts_registers.BAUD_RATE.address,
    model=lambda _: "",
)
DYNAMIXEL = Family(
    "Dynamixel",
    dynamixel.Dialect(),
    x_registers.BAUD_RATES,
    voltage=(x_registers.PRESENT_VOLTAGE.address, 2),
    least=(x_registers.LEAST_VOLTAGE.address, 2),
    complains=0,
    baud_register=x_registers.BAUD_RATE.address,
    model=lambda frame: x_series.named(int.from_bytes(frame.parameters[:2], "little")),
)
FAMILIES = (FEETECH, DYNAMIXEL)


@dataclass(frozen=True, slots=True)
class ServoFinding:
    """What is wrong; ``remedy`` says what mends it."""

    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Bus:
    """What was found on a bus: the rate at which servos answer, who does, what is wrong."""

    baud: int | None
    ids: tuple[int, ...]
    findings: tuple[ServoFinding, ...]
    who: str = ""


def listed(family: str, answered: Answered) -> str:
    """Return who has answered, in words."""
    named = [f"{id} ({model})" if model else str(id) for id, model in sorted(set(answered))]
    return f"{family} servos {', '.join(named)}"


def examine_servos(open_bus: Open, expected_baud: int) -> Bus:
    """Look for wrong rates, ids that two servos share, and a supply that sags.

    Raises:
        BusLost: the bus cannot be opened.
    """
    tried = 0
    for baud in _rates(expected_baud):
        port = open_bus(baud)
        tried += 1
        try:
            for family in FAMILIES:
                if baud not in (expected_baud, *family.bauds):
                    continue
                ping = family.dialect.request(BROADCAST, PING, b"")
                if answered := family.answered(_asked(port, ping)):
                    return _examined(port, family, answered, baud, expected_baud)
        finally:
            port.close()
    sentence = f"no servo answers at any of {tried} rates"
    remedy = "check the supply's plug, the bus cable, and that nobody else holds the port"
    return Bus(None, (), (ServoFinding(sentence, remedy),))


def _rates(expected: int) -> Iterable[int]:
    """The expected rate, then all that a family may have."""
    return dict.fromkeys((expected, *(baud for family in FAMILIES for baud in family.bauds)))


def _examined(port: Transport, family: Family, answered: Answered, baud: int, expected: int) -> Bus:
    ids = Counter(id for id, _ in answered)
    found = [
        *_rate(family, baud, expected),
        *_shared(port, family, ids),
        *_supply(port, family, sorted(ids)),
    ]
    return Bus(baud, tuple(sorted(ids)), tuple(found), listed(family.name, answered))


def _rate(family: Family, baud: int, expected: int) -> list[ServoFinding]:
    if baud == expected:
        return []
    sentence = f"the servos answer at {baud} bit/s, not at {expected}"
    remedy = f"set baud = {baud} in the cell, or the servos' register {family.baud_register} to "
    return [ServoFinding(sentence, remedy + str(expected))]


def _shared(port: Transport, family: Family, ids: Counter[int]) -> list[ServoFinding]:
    """Find ids that two servos have: they answer twice, or spoil one another's answer."""
    found = []
    whole = family.dialect.overhead + family.dialect.ping_size
    for servo in sorted(ids):
        spoilt = 0
        for _ in range(TRIES):
            said = _asked(port, family.dialect.request(servo, PING, b""))
            spoilt += len(said) > whole or (bool(said) and not family.answered(said))
        if ids[servo] > 1 or spoilt:
            sentence = f"two servos have id {servo}"
            remedy = "unplug all but one of them and give it another id, one servo at a time"
            found.append(ServoFinding(sentence, remedy))
    return found


def _supply(port: Transport, family: Family, ids: Sequence[int]) -> list[ServoFinding]:
    found = []
    for servo in ids:
        volts, complains = _volts(port, family, servo, family.voltage)
        least = LOWEST
        if family.least is not None:
            least = _volts(port, family, servo, family.least)[0] or LOWEST
        if volts is not None and (volts < least or complains):
            sentence = f"servo {servo} has {volts:.1f} V: it browns out under load"
            remedy = "use the supply that the servos need, with short thick wires"
            found.append(ServoFinding(sentence, remedy))
    return found


def _volts(
    port: Transport, family: Family, servo: int, register: tuple[int, int]
) -> tuple[float | None, bool]:
    """Return what a register of volts holds, None where it is not told, and a complaint."""
    dialect, size = family.dialect, register[1]
    said = _asked(port, dialect.request(servo, READ, dialect.span(*register)))
    frames = dialect.parser().feed(said)
    values = [frame.parameters for frame in frames if len(frame.parameters) == size]
    complains = any(frame.code & family.complains for frame in frames)
    return (int.from_bytes(values[0], "little") * VOLTAGE_UNIT if values else None), complains


def _asked(port: Transport, question: bytes) -> bytes:
    port.discard_input()
    port.write(question)
    said = port.read(1, WAIT)
    while said and len(said) < MOST and (part := port.read(PLENTY, WAIT / 2)):
        said += part
    return said
