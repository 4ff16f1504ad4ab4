"""The numato-gpio client on the twin's terminal, and our driver beside it.

The client is one that none of us wrote: where both agree, the module talks as the maker's does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numato_gpio
import pytest
import serial
from handrail_drivers.errors import BusLost, InvalidValue
from handrail_drivers.numato_gpio import NumatoGpio
from handrail_drivers.serial_port import SerialPort
from handrail_sim.cell_file import device_settings, load_cell
from handrail_sim.twin.launch import Twin

BUTTON, STOP = "button", "emergency_stop"


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin.start("desk", seed=5) as started:
        yield started


@pytest.fixture(autouse=True)
def released(twin: Twin) -> Iterator[None]:
    yield
    twin.truth.plug(BUTTON)
    twin.truth.release(BUTTON, STOP)


def ours(twin: Twin) -> NumatoGpio:
    settings = device_settings(load_cell("desk"), BUTTON)
    return NumatoGpio(BUTTON, settings, SerialPort(twin.links[BUTTON], 19200))


def test_the_foreign_client_sees_what_the_world_does(twin: Twin) -> None:
    client = numato_gpio.NumatoUsbGpio(twin.links[BUTTON])
    try:
        assert client.spec.ports == 8
        assert client.id == 0
        assert client.read(0) == 1
        twin.truth.press(BUTTON, STOP)
        assert client.read(0) == 0
        assert client.readall() == 0xFE
        client.setup(3, direction=numato_gpio.Direction.OUT)
        client.write(3, value=0)
        assert client.readall() == 0xF6
        client.write(3, value=1)
        twin.truth.release(BUTTON, STOP)
        assert client.readall() == 0xFF
    finally:
        client.cleanup()


def test_our_driver_takes_over_where_the_foreign_client_left(twin: Twin) -> None:
    client = numato_gpio.NumatoUsbGpio(twin.links[BUTTON])
    client.setup(0, direction=numato_gpio.Direction.OUT)
    client.write(0, value=0)
    client.iomask = 0
    client._ser.close()  # without cleaning up, as one that was killed
    client.cleanup()
    driver = ours(twin)
    driver.connect()
    assert driver.read_inputs() == {STOP: True}
    twin.truth.press(BUTTON, STOP)
    assert driver.read_inputs() == {STOP: False}
    driver.close()


def test_a_pulled_box_is_lost_and_found_under_its_name(twin: Twin) -> None:
    driver = ours(twin)
    driver.connect()
    twin.truth.pull(BUTTON)
    with pytest.raises(BusLost):
        driver.read_inputs()
    driver.close()
    assert not Path(twin.links[BUTTON]).exists()
    with pytest.raises(BusLost, match="no port"):
        ours(twin)
    twin.truth.plug(BUTTON)
    again = ours(twin)
    again.connect()
    assert again.read_inputs() == {STOP: True}
    again.close()


def test_what_passes_is_logged(twin: Twin) -> None:
    with serial.Serial(twin.links[BUTTON], 19200, timeout=2) as port:
        mark = twin.truth.wire_log(BUTTON)
        port.write(b"ver\r")
        assert port.read_until(b">") == b"ver\n\rA0M10.01\n\r>"
    new = twin.truth.wire_log(BUTTON)[len(mark) :]
    assert b"".join(event.data for event in new if event.direction == "in") == b"ver\r"


def test_a_button_that_is_not_there_is_refused_with_those_that_are(twin: Twin) -> None:
    with pytest.raises(InvalidValue, match=BUTTON):
        twin.truth.press("buton", STOP)
    with pytest.raises(InvalidValue, match=STOP):
        twin.truth.press(BUTTON, "stop")
    with pytest.raises(InvalidValue, match=BUTTON):
        twin.truth.release("arm_bus", STOP)
    assert os.path.islink(twin.links[BUTTON])
