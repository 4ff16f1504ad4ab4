"""Writes under bad input: confirmed and there, or an error; made once at most; never mixed up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from handrail_drivers.errors import BusLost, ModbusFault
from handrail_drivers.modbus.device import ModbusDevice
from handrail_drivers.modbus.lines import Lines
from modbus_belt import belt
from modbus_peer import GatewayPeer, Peer, RtuPeer, TcpPeer, Unit

WHERE = {"tcp": TcpPeer, "port": RtuPeer, "rtu_over_tcp": GatewayPeer}
TRICKS = (
    "silent",
    "short",
    "corrupt",
    "other unit",
    "other function",
    "garbage",
    "late",
    "busy",
    "reboot",
)
MAP = """
[registers.lamp]
description = "Function 5."
table = "coil"
type = "bool"
address = 7
effect = "configure"

[registers.speed]
description = "Function 6."
address = 0
effect = "configure"

[registers.place]
description = "Function 16."
type = "u32"
address = 2
effect = "configure"
"""
FUNCTIONS: dict[int, tuple[str, float, float]] = {
    5: ("lamp", True, False),
    6: ("speed", 77, 88),
    16: ("place", 70_000, 90_000),
}
READ_BACK = MAP.replace('effect = "configure"', 'effect = "configure"\nread_back = true')


@pytest.fixture
def unit() -> Unit:
    return Unit({0: 1, 2: 0, 3: 1}, {7: 0})


@pytest.fixture(params=WHERE)
def peer(request: pytest.FixtureRequest, unit: Unit) -> Iterator[Peer]:
    found = WHERE[request.param](u1=unit)
    yield found
    found.close()


@pytest.fixture
def lines() -> Iterator[Lines]:
    found = Lines()
    yield found
    found.close()


def opened(lines: Lines, peer: Peer, folder: Path, text: str) -> ModbusDevice:
    where = next(key for key, kind in WHERE.items() if type(peer) is kind)
    given = {"tcp": None, where: peer.address}  # type: ignore[attr-defined]
    return belt(lines, peer, folder, text, timeout=0.06, **given)


def stands(unit: Unit, name: str) -> int | bool:
    """What the unit really holds."""
    if name == "lamp":
        return bool(unit.coils[7])
    return unit.registers[0] if name == "speed" else unit.registers[2] << 16 | unit.registers[3]


def outcome(device: ModbusDevice, name: str, value: float) -> tuple[bool, str]:
    """Return whether a write was confirmed, and what the error says."""
    try:
        return device.write(name, value), ""
    except (ModbusFault, BusLost) as error:
        return False, error.message


def writes(unit: Unit) -> int:
    return sum(body[0] in FUNCTIONS for body in unit.asked)


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_write_is_confirmed_and_there_or_an_error(
    peer: Peer, lines: Lines, unit: Unit, tmp_path: Path, trick: str, function: int
) -> None:
    name, value, other = FUNCTIONS[function]
    device = opened(lines, peer, tmp_path, READ_BACK)
    device.read()
    unit.asked.clear()
    unit.tricks = [trick]
    confirmed, failed = outcome(device, name, value)
    assert name in failed if failed else (confirmed and stands(unit, name) == value)
    assert writes(unit) == 1, "it is never sent twice"
    # The next one is confirmed by its own answer alone, with the real pauses.
    unit.deaf = True
    other = not stands(unit, name) if name == "lamp" else other
    with pytest.raises((ModbusFault, BusLost)):
        device.write(name, other)
    assert stands(unit, name) != other


@pytest.mark.parametrize("trick", TRICKS)
def test_without_reading_back_nothing_is_said_to_be_confirmed(
    peer: Peer, lines: Lines, unit: Unit, tmp_path: Path, trick: str
) -> None:
    device = opened(lines, peer, tmp_path, MAP)
    device.read()
    unit.tricks = [trick]
    confirmed, failed = outcome(device, "speed", 77)
    assert not confirmed
    if failed:
        assert trick == "busy" or "not known" in failed
    else:
        assert stands(unit, "speed") == 77
