"""A device made from a register map: typed tools, honest writes, safe values, fresh readings."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

import pytest
from handrail_drivers.errors import (
    DeviceFault,
    InvalidValue,
    ModbusException,
    ModbusFault,
    Refused,
    StaleReading,
    UnknownName,
)
from handrail_drivers.modbus.device import ModbusSettings
from handrail_drivers.modbus.poller import Poller
from handrail_drivers.modbus.registers import Look
from handrail_drivers.schema import tool_methods, tool_schemas
from modbus_belt import Make
from modbus_peer import TcpPeer
from waiting import until


def test_all_is_read_in_few_requests(make: Make, peer: TcpPeer) -> None:
    values = make().read()
    assert values == {
        "speed": 0.0,
        "mode": "off",
        "enabled": False,
        "temperature": 20.5,
        "lamp": False,
    }
    assert len(peer.units[1].asked) == 2


def test_tools_say_units_limits_and_effects(make: Make) -> None:
    schemas = {schema.name: schema for schema in tool_schemas(make())}
    assert {name: str(schema.effect) for name, schema in schemas.items()} == {
        "read_values": "observe",
        "set_speed": "configure",
        "set_mode": "configure",
        "set_enabled": "configure",
        "set_lamp": "configure",
    }
    speed = schemas["set_speed"].input_schema["properties"]["value"]
    assert (speed["minimum"], speed["maximum"], speed["unit"]) == (-0.5, 0.5, "m/s")
    assert schemas["set_mode"].input_schema["properties"]["value"]["enum"] == ["off", "run"]
    assert "Speed of the belt." in schemas["set_speed"].description
    assert "temperature" in json.dumps(schemas["read_values"].output_schema)


async def test_a_tool_reads_what_is_asked_for(make: Make) -> None:
    read = tool_methods(make())["read_values"]
    found = await read(names=["temperature"])
    assert found.pop("time_ns") > 0
    assert found == {"temperature": 20.5}


def test_a_write_is_confirmed_where_the_map_says_so(make: Make, peer: TcpPeer) -> None:
    device = make()
    assert device.write("speed", -0.25) is True
    assert peer.units[1].registers[0] == 0x10000 - 250
    assert device.write("mode", "run") is False
    assert device.write("lamp", True) is True
    assert peer.units[1].coils[0] == 1


def test_a_bit_is_written_without_its_neighbours(make: Make, peer: TcpPeer) -> None:
    make().write("enabled", True)
    assert peer.units[1].registers[2] == 0xFFFF


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("speed", 0.6, InvalidValue),
        ("speed", "fast", InvalidValue),
        ("mode", "walk", InvalidValue),
        ("temperature", 3.0, Refused),
        ("nothing", 3.0, UnknownName),
    ],
)
def test_what_may_not_be_written_is_not(
    make: Make, peer: TcpPeer, name: str, value: Any, error: type[Exception]
) -> None:
    before = dict(peer.units[1].registers)
    with pytest.raises(error):
        make().write(name, value)
    assert peer.units[1].registers == before


def test_a_lost_answer_to_a_write_is_settled_by_reading_back(make: Make, peer: TcpPeer) -> None:
    peer.units[1].tricks = ["silent"]
    assert make().write("speed", 0.25) is True


def test_a_write_of_which_nobody_knows_says_so(make: Make, peer: TcpPeer) -> None:
    device = make()
    peer.units[1].tricks = ["silent"]
    with pytest.raises(ModbusFault, match="Whether mode was written is not known"):
        device.write("mode", "run")
    peer.units[1].tricks = ["silent"] * 3  # nor can it be asked afterwards
    with pytest.raises(ModbusFault, match="not known"):
        make().write("speed", 0.1)


def test_a_write_that_did_not_take_is_an_error(
    make: Make, peer: TcpPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = peer.units[1]
    honest = unit.answer
    monkeypatch.setattr(unit, "answer", lambda body: body if body[0] == 6 else honest(body))
    with pytest.raises(ModbusFault, match="reads otherwise"):
        make().write("speed", 0.25)


def test_an_exception_names_the_register(make: Make, peer: TcpPeer) -> None:
    del peer.units[1].registers[4]
    with pytest.raises(ModbusException, match=r"temperature.*illegal data address") as refused:
        make().read(["temperature"])
    assert refused.value.value == 2


def test_stop_writes_the_safe_values(make: Make, peer: TcpPeer) -> None:
    device = make()
    device.write("speed", 0.25)
    device.write("mode", "run")
    device.stop()
    assert [peer.units[1].registers[n] for n in (0, 1)] == [0, 0]


def test_a_stop_that_failed_says_of_what(make: Make, peer: TcpPeer) -> None:
    device = make()
    peer.units[1].tricks = ["busy"]
    with pytest.raises(DeviceFault, match="speed") as failed:
        device.stop()
    assert "mode (" not in failed.value.message, "the others were written"


def test_polled_values_are_fresh_or_refused(
    make: Make, peer: TcpPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = make()
    with pytest.raises(StaleReading):
        device.latest("temperature")
    device.connect()
    while "belt.temperature" not in device.readings():  # bounded by the test's own time limit
        pass
    reading = device.latest("temperature")
    assert (reading.value, reading.unit, reading.source) == (20.5, "Cel", "belt")
    device.close()
    monkeypatch.setattr("handrail_drivers.modbus.device.OLD", -1e9)
    assert device.readings() == {}
    with pytest.raises(UnknownName):
        device.latest("speed")


def test_a_polled_value_is_no_younger_than_its_question() -> None:
    """What a slow line brings may be seconds old by the time that all of it is there."""
    asked: list[int] = []

    def look(names: Iterable[str]) -> Look:
        asked.append(time.monotonic_ns())
        return Look(dict.fromkeys(names, 20.5), {})

    poller = Poller("belt", {"temperature": 1000.0}, look)
    poller.start()
    until(lambda: poller.newest("temperature")[1])
    poller.close()
    value, time_ns = poller.newest("temperature")
    assert value == 20.5
    assert time_ns <= asked[-1]


@pytest.mark.parametrize("where", [{}, {"tcp": "h:1", "port": "/dev/ttyS0"}, {"tcp": "nonsense"}])
def test_a_device_has_one_address(where: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"one of tcp|pattern"):
        ModbusSettings.model_validate({"map": "m.toml", **where})
