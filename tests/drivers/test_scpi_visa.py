"""PyVISA on the twin's power supply, and our driver beside it.

The client is one that none of us wrote: where both agree, the supply talks as instruments do.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import pyvisa
from handrail_drivers.errors import DeviceFault
from handrail_drivers.loopback_port import StreamPort
from handrail_drivers.scpi.supply import SocketSupply, SocketSupplySettings
from handrail_drivers.socket_port import SocketKind
from handrail_sim.twin.scpi_supply import LOAD, ScpiSocketSupply

LOOK = 0.02  # s between two looks at whether it is time to end


@pytest.fixture
def address() -> Iterator[str]:
    port, ending = StreamPort(ScpiSocketSupply()), threading.Event()

    def serve() -> None:
        while not ending.is_set():
            for ready in select.select(port.descriptors(), [], [], LOOK)[0]:
                port.serve(ready)

    thread = threading.Thread(target=serve)
    thread.start()
    yield port.address
    ending.set()
    thread.join()
    port.pull()


@contextmanager
def visa(address: str) -> Iterator[Any]:
    manager = pyvisa.ResourceManager("@py")
    host, _, port = address.partition(":")
    one = manager.open_resource(f"TCPIP::{host}::{port}::SOCKET")
    one.read_termination = one.write_termination = "\n"
    one.timeout = 2000  # ms
    try:
        yield one
    finally:
        one.close()
        manager.close()


@contextmanager
def ours(address: str) -> Iterator[SocketSupply]:
    settings = SocketSupplySettings(address=address, most_voltage=30.0, most_current=2.0)
    supply = SocketSupply("supply", settings, SocketKind.stream(settings))
    supply.connect()
    try:
        yield supply
    finally:
        supply.close()


def test_a_foreign_client_sets_limits_and_measures(address: str) -> None:
    with visa(address) as client:
        assert len(client.query("*IDN?").split(",")) == 4
        client.write("SOURce:VOLTage 12.5;:SOUR:CURR 1.5")
        client.write("OUTPut ON")
        assert client.query("*OPC?") == "1"
        assert client.query_ascii_values("MEASure:VOLTage?") == pytest.approx([12.5])
        assert client.query_ascii_values("MEAS:CURR?") == pytest.approx([12.5 / LOAD])
        client.write("CURRENT 0.5")
        assert client.query_ascii_values("MEAS:VOLT?") == pytest.approx([0.5 * LOAD])  # it limits
        assert client.query("SYSTem:ERRor?").startswith("0,")
        client.write("VOLT 99")
        assert client.query("SYST:ERR?").startswith("-222,")
        client.write("DISP:TEXT 'x'")
        assert client.query("SYST:ERR?").startswith("-113,")
        client.write("*RST")
        assert client.query("OUTP?") == "0"


def test_both_clients_see_the_same_supply(address: str) -> None:
    with visa(address) as client, ours(address) as supply:
        supply.write("voltage", 5.0)
        supply.write("output", True)
        assert client.query_ascii_values("VOLT?") == pytest.approx([5.0])
        assert client.query("OUTP?") == "1"
        client.write("VOLT 7.25")
        client.query("*OPC?")
        assert supply.read(["voltage", "measured_voltage"]) == {
            "voltage": 7.25,
            "measured_voltage": 7.25,
        }
        client.write("OUTP OFF")
        client.query("*OPC?")
        assert supply.read(["output"]) == {"output": False}


def test_what_the_supply_refuses_is_an_error_for_ours_too(address: str) -> None:
    settings = SocketSupplySettings(address=address, most_voltage=80.0, most_current=2.0)
    supply = SocketSupply("supply", settings, SocketKind.stream(settings))
    supply.connect()
    with pytest.raises(DeviceFault, match="out of range"):
        supply.write("voltage", 70.0)
    supply.close()
