"""A stop reaches a Modbus device, sooner or later, and nothing that was asked before it follows."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from handrail_drivers.errors import DeviceFault, ModbusSilent, MotionStopped, NotArmed, Refused
from handrail_drivers.modbus import pause
from handrail_drivers.modbus.device import ModbusDevice
from handrail_drivers.modbus.lines import Lines
from handrail_drivers.modbus.turns import Turns
from modbus_belt import BELT, belt
from modbus_peer import RtuPeer, TcpPeer, Unit
from waiting import until

BITS = """
[registers.heat]
description = "Heats."
address = 5
bits = { low = 0, width = 4 }
effect = "configure"
safe = 0
read_back = true

[registers.fan]
description = "Blows."
address = 5
bits = { low = 4, width = 4 }
effect = "configure"
"""


def await_waiting(turns: Turns, count: int) -> None:
    until(lambda: turns.waiting == count)


@pytest.fixture
def unit() -> Unit:
    return Unit({0: 250, 1: 5, 5: 0x37})


@pytest.fixture
def peer(unit: Unit) -> Iterator[TcpPeer]:
    found = TcpPeer(u1=unit, u2=Unit({0: 0}))
    yield found
    found.close()


@pytest.fixture
def lines() -> Iterator[Lines]:
    found = Lines()
    yield found
    found.close()


@pytest.fixture
def device(lines: Lines, peer: TcpPeer, unit: Unit, tmp_path: Path) -> Iterator[ModbusDevice]:
    found = belt(lines, peer, tmp_path, BELT + BITS)
    yield found
    unit.tricks.clear()
    found.close()


def is_safe(unit: Unit) -> bool:
    return (unit.registers[0], unit.registers[1], unit.registers[5] & 0xF) == (0, 0, 0)


def test_a_unit_that_is_left_alone_is_stopped_all_the_same(
    device: ModbusDevice, unit: Unit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pause, "FIRST_PAUSE", 60.0)
    unit.tricks = ["silent"]
    with pytest.raises(ModbusSilent):
        device.read()
    with pytest.raises(ModbusSilent, match="asked again in"):
        device.read()
    device.stop()
    assert is_safe(unit)


def test_a_stop_that_fails_is_made_good(device: ModbusDevice, unit: Unit) -> None:
    unit.tricks = ["silent"] * 6
    with pytest.raises(DeviceFault, match="has not got its safe values: speed"):
        device.stop()
    until(lambda: is_safe(unit))


def test_nothing_else_is_written_while_a_safe_value_is_owed(
    device: ModbusDevice, unit: Unit
) -> None:
    unit.tricks = ["silent"] * 200
    with pytest.raises(DeviceFault):
        device.stop()
    with pytest.raises(Refused, match="until it has"):
        device.write("speed", 0.2)
    unit.tricks.clear()
    until(lambda: is_safe(unit))
    until(lambda: not device._safe._owed)
    assert device.write("speed", 0.2)


def test_a_refused_safe_value_keeps_no_other_from_being_written(
    device: ModbusDevice, unit: Unit
) -> None:
    unit.tricks = ["busy"]
    with pytest.raises(DeviceFault, match=r"speed .*busy") as failed:
        device.stop()
    assert "mode (" not in failed.value.message
    assert unit.registers[1] == 0


def test_a_write_that_waits_for_its_turn_is_not_made_after_a_stop(
    device: ModbusDevice, unit: Unit, lines: Lines
) -> None:
    (line,) = lines._lines.values()
    line._turns.take(2)  # another unit has the line
    failed: list[Exception] = []

    def write() -> None:
        try:
            device.write("speed", 0.3)
        except MotionStopped as error:
            failed.append(error)

    threads = [threading.Thread(target=write), threading.Thread(target=device.stop)]
    for n, thread in enumerate(threads, 1):
        thread.start()
        await_waiting(line._turns, n)
    line._turns.end()
    for thread in threads:
        thread.join(10)
    assert "was stopped before" in str(failed[0])
    assert is_safe(unit)


def test_a_stop_leaves_the_other_bits_alone(device: ModbusDevice, unit: Unit) -> None:
    device.stop()
    assert unit.registers[5] == 0x30


def test_what_is_found_at_the_start_is_made_safe(device: ModbusDevice, unit: Unit) -> None:
    device.connect()
    assert is_safe(unit)


def test_one_that_comes_later_is_made_safe_then(device: ModbusDevice, unit: Unit) -> None:
    unit.tricks = ["silent"] * 8
    device.connect()
    until(lambda: is_safe(unit))


def test_its_end_leaves_it_safe_and_no_thread_behind(
    lines: Lines, peer: TcpPeer, unit: Unit, tmp_path: Path
) -> None:
    device = belt(lines, peer, tmp_path)
    unit.tricks = ["silent"] * 4
    device.connect()
    device.close()
    assert unit.registers[0] == 0
    assert not [one for one in threading.enumerate() if "safe values" in one.name]


def test_what_has_a_safe_value_keeps_it_while_the_cell_is_stopped(
    device: ModbusDevice, unit: Unit
) -> None:
    stopped = [True]
    device.is_stopped = lambda: stopped[0]
    with pytest.raises(NotArmed, match="keeps its safe value") as refused:
        device.write("speed", 0.1)
    assert (refused.value.field, refused.value.limit) == ("speed", 0.0)
    assert unit.asked == []
    assert device.write("speed", 0.0)
    device.write("fan", 7)  # which has none
    assert unit.registers[5] == 0x77
    stopped[0] = False
    assert device.write("speed", 0.1)


def test_one_that_hears_and_is_not_heard_is_stopped_all_the_same(tmp_path: Path) -> None:
    """On a serial line a late answer could pass for that to the safe value; it is sent for that."""
    unit = Unit({0: 250, 1: 5, 5: 0x37})
    peer, lines = RtuPeer(u1=unit), Lines()
    device = belt(lines, peer, tmp_path, port=peer.address)
    unit.tricks = ["silent"] * 1000
    try:
        with pytest.raises(ModbusSilent):
            device.read()
        with pytest.raises(DeviceFault, match="has not got its safe values"):
            device.stop()
        until(lambda: (unit.registers[0], unit.registers[1]) == (0, 0))
        with pytest.raises(Refused, match="until it has"):  # nobody knows that it has them
            device.write("speed", 0.25)
    finally:
        unit.tricks.clear()
        device.close()
        lines.close()
        peer.close()
