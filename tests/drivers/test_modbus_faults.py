"""Where a device's answers are wrong in part: what is right is told, what is wrong is named."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from handrail_drivers.errors import (
    BusLost,
    InvalidCell,
    ModbusException,
    ModbusFault,
    ModbusIllegalAddress,
)
from handrail_drivers.schema import tool_methods
from modbus_belt import METER, Make
from modbus_peer import TcpPeer


def test_a_field_is_confirmed_though_its_neighbours_change(
    make: Make, peer: TcpPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device counts in the upper half of the same register."""
    unit = peer.units[1]
    honest = unit.answer

    def counting(body: bytes) -> bytes:
        unit.registers[2] ^= 0x0100
        return honest(body)

    monkeypatch.setattr(unit, "answer", counting)
    text = METER.replace("bits = { low = 3 }", "bits = { low = 3 }\nread_back = true")
    device = make(text)
    assert device.write("enabled", True) is True
    assert unit.registers[2] & 0xF == 0xF


def test_one_that_is_no_number_costs_no_other(make: Make, peer: TcpPeer) -> None:
    device = make(METER.replace("poll = 50", ""))
    peer.units[1].registers |= {3: 0x7FC0, 4: 0}
    look = device.look()
    assert set(look.faults) == {"temperature"}
    assert look.values["speed"] == 0.0
    with pytest.raises(ModbusFault, match="temperature reads as nan"):
        device.read()


async def test_a_tool_gives_what_it_can_and_says_what_is_missing(make: Make, peer: TcpPeer) -> None:
    read = tool_methods(make())["read_values"]
    peer.units[1].registers |= {3: 0x7FC0, 4: 0}
    found = await read()
    assert found["mode"] == "off"
    assert "no number" in found["faults"]["temperature"]
    with pytest.raises(ModbusFault, match="no number"):
        await read(names=["temperature"])


def test_one_that_is_missing_is_found_once_and_named(make: Make, peer: TcpPeer) -> None:
    device, unit = make(), peer.units[1]
    del unit.registers[1]
    look = device.look()
    assert set(look.faults) == {"mode"}
    assert isinstance(look.faults["mode"], ModbusIllegalAddress)
    assert look.faults["mode"].field == "mode"
    assert len(look.values) == 4
    unit.asked.clear()
    assert device.look().values == look.values
    assert len(unit.asked) == 4, "lamp, speed, what follows the hole, and the hole itself"


def test_an_exception_of_the_vendor_has_the_name_that_the_map_gives(
    make: Make, peer: TcpPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer.units[1], "answer", lambda body: bytes((body[0] | 0x80, 0x60)))
    device = make('exceptions = { "0x60" = "drive locked" }\n' + METER)
    with pytest.raises(ModbusException, match=r"belt, speed: .*drive locked \(exception 96\)"):
        device.write("speed", 0.1)


def test_a_lost_connection_names_device_and_register(make: Make, peer: TcpPeer) -> None:
    device = make()
    device.read()
    peer.units[1].tricks = ["reboot"]
    with pytest.raises((BusLost, ModbusFault), match="belt, mode: ") as lost:
        device.write("mode", "run")
    assert (lost.value.subject, lost.value.field) == ("belt", "mode")


def test_one_that_was_gone_goes_on_with_its_safe_values_alone(make: Make, peer: TcpPeer) -> None:
    device, unit = make(METER.replace("poll = 50", "")), peer.units[1]
    device.connect()
    assert device.write("speed", 0.25)
    unit.tricks = ["silent"] * 100
    while not device.is_silent:  # bounded by the test's own time limit, as is what follows
        with contextlib.suppress(ModbusFault):
            device.read(["speed"])
    assert unit.registers[0] == 250
    unit.tricks.clear()
    while device.is_silent:
        with contextlib.suppress(ModbusFault):
            device.read(["speed"])
    while unit.registers[0] != 0:
        pass


def test_one_that_missed_a_question_keeps_what_it_was_told(make: Make, peer: TcpPeer) -> None:
    device, unit = make(METER.replace("poll = 50", "")), peer.units[1]
    device.connect()
    device.write("speed", 0.25)
    unit.tricks = ["silent"]
    with pytest.raises(ModbusFault):
        device.read(["speed"])
    while True:
        with contextlib.suppress(ModbusFault):
            assert device.read(["speed"]) == {"speed": 0.25}
            break
    assert device.write("speed", 0.5)
    assert unit.registers[0] == 500


def test_an_unexpected_error_does_not_end_the_polling(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    device = make()
    look, failed = device._poller._look, []

    def once(names: Any) -> Any:
        if not failed:
            failed.append(names)
            raise ZeroDivisionError
        return look(names)

    monkeypatch.setattr(device._poller, "_look", once)
    device.connect()
    while "belt.temperature" not in device.readings():  # bounded by the test's own time limit
        pass
    assert "polling belt failed" in caplog.text


def test_a_map_that_would_move_something_is_refused(make: Make) -> None:
    """No check knows how, so that no plan could have it."""
    with pytest.raises(InvalidCell, match="speed would move something") as refused:
        make(METER.replace('effect = "configure"\nsafe = 0.0', 'effect = "move"\nsafe = 0.0'))
    assert "driver that knows it" in refused.value.hint
