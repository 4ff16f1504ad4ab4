"""What is wrong with a bus of servos, found by asking it."""

from __future__ import annotations

from drivers.asked import Line, heads, servos
from drivers.kiln import Kiln
from handrail_drivers.discovery.servos import examine_servos
from handrail_drivers.dynamixel import registers as x_registers
from handrail_drivers.feetech import registers as reg


def test_a_bus_in_order_has_nothing_to_say():
    bank = servos(1, 2, 3)
    found = examine_servos(lambda baud: Line(bank, baud), 1_000_000)
    assert (found.baud, found.ids, found.findings) == (1_000_000, (1, 2, 3), ())


def test_a_wrong_rate_is_found():
    bank = servos(1, 2)
    for servo in bank.servos.values():
        servo.write(reg.BAUD_RATE.address, bytes((reg.BAUD_RATES.index(115_200),)))
    found = examine_servos(lambda baud: Line(bank, baud), 1_000_000)
    assert found.baud == 115_200
    assert "answer at 115200 bit/s, not at 1000000" in found.findings[0].sentence


def test_an_id_that_two_have_is_found():
    found = examine_servos(lambda baud: Line(servos(1, 4, 4), baud), 1_000_000)
    assert [one.sentence for one in found.findings] == ["two servos have id 4"]


def test_a_brown_out_is_found():
    bank = servos(1, 2)
    bank.servos["joint1"].voltage = 4.8
    found = examine_servos(lambda baud: Line(bank, baud), 1_000_000)
    assert [one.sentence for one in found.findings] == [
        "servo 2 has 4.8 V: it browns out under load"
    ]


def test_a_silent_bus_is_told_what_to_look_at():
    found = examine_servos(lambda _: Line(Kiln()), 1_000_000)
    assert found.baud is None
    assert "supply" in found.findings[0].remedy


class Talking(Line):
    """A port on which somebody talks by himself, and never ends."""

    said = 0

    def write(self, data):
        pass

    def read(self, size, timeout_s):
        self.said += size
        assert self.said < 100_000, "it is listened to for ever"
        return (b"$GPGGA," * size)[:size]


def test_who_talks_without_end_is_no_bus_of_servos():
    found = examine_servos(lambda _: Talking(None), 1_000_000)
    assert (found.baud, found.ids) == (None, ())


def test_a_bus_of_dynamixels_is_examined_alike():
    bank = heads("XL430-W250", "XL430-W250")
    for servo in bank.servos.values():
        servo.put(x_registers.BAUD_RATE, 1)
        servo.put(x_registers.LEAST_VOLTAGE, 60)
        servo.put(x_registers.PRESENT_VOLTAGE, 111)
    bank.servos["joint1"].put(x_registers.PRESENT_VOLTAGE, 52)
    found = examine_servos(lambda baud: Line(bank, baud), 1_000_000)
    assert (found.baud, found.ids) == (57_600, (1, 2))
    assert found.who == "Dynamixel servos 1 (XL430-W250), 2 (XL430-W250)"
    assert [one.sentence for one in found.findings] == [
        "the servos answer at 57600 bit/s, not at 1000000",
        "servo 2 has 5.2 V: it browns out under load",
    ]
    assert "register 8 to 1000000" in found.findings[0].remedy


def test_an_id_that_two_dynamixels_have_is_found():
    bank = heads("XM430-W350", "XM430-W350", ids=(3, 3))
    found = examine_servos(lambda baud: Line(bank, baud), 1_000_000)
    assert [one.sentence for one in found.findings] == ["two servos have id 3"]
