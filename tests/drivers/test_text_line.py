"""Lines in which nothing says what an answer is to, on a device that is sometimes too slow."""

from __future__ import annotations

import pytest
from handrail_drivers.errors import DeviceGarbled, DeviceSilent
from handrail_drivers.scpi.supply import SerialSupplySettings, Supply
from handrail_drivers.text_line import TextLine

TIMEOUT = 1.0  # s
SAYS = {b"MEAS:VOLT?\n": b"11.998\n", b"MEAS:CURR?\n": b"0.512\n"}


class Slow:
    """A device that answers one question after the other, in a time of its own.

    ``takes``: s by question, one after the other, then 0.1; infinite: it does not hear it.
    """

    def __init__(self, *takes: float) -> None:
        self.now = self._free = 0.0  # s
        self.sent: list[bytes] = []
        self._takes = list(takes)
        self._coming: list[tuple[float, int]] = []  # when each byte comes

    def write(self, data: bytes) -> None:
        self.sent.append(data)
        takes = self._takes.pop(0) if self._takes else 0.1
        if takes < float("inf"):
            self._free = max(self._free, self.now) + takes
            self._coming += [(self._free, byte) for byte in SAYS.get(data, b"")]

    def read(self, size: int, timeout_s: float) -> bytes:
        self.now = max(self.now, min(self.now + timeout_s, self._when(size)))
        said = bytes(byte for at, byte in self._coming[:size] if at <= self.now)
        del self._coming[: len(said)]
        return said

    def discard_input(self) -> None:
        self._coming = [one for one in self._coming if one[0] > self.now]

    def close(self) -> None: ...

    def _when(self, size: int) -> float:
        return self._coming[size - 1][0] if len(self._coming) >= size else float("inf")


def line(device: Slow) -> TextLine:
    return TextLine("supply", device, TIMEOUT)


@pytest.mark.parametrize("takes", [1.1, 1.5, 1.9])
def test_a_late_answer_is_not_taken_for_that_to_the_next_question(takes: float) -> None:
    device = Slow(takes)
    asked = line(device)
    with pytest.raises(DeviceSilent):
        asked.ask(b"MEAS:VOLT?\n")
    assert asked.ask(b"MEAS:CURR?\n") == b"0.512"
    assert device.now < takes + 0.2  # it waits for the late one, and no longer
    assert asked.ask(b"MEAS:VOLT?\n") == b"11.998"


def test_nor_is_one_that_its_driver_could_not_make_sense_of() -> None:
    device = Slow(0.1, 0.3)
    asked = line(device)
    asked.ask(b"MEAS:VOLT?\n")
    asked.garbled(b"OUTP?\n", b"11.998")
    device.write(b"MEAS:VOLT?\n")  # to which the answer comes later
    assert asked.ask(b"MEAS:CURR?\n") == b"0.512"


def test_what_never_comes_is_waited_for_as_long_as_one_answer() -> None:
    device = Slow(float("inf"))
    asked = line(device)
    with pytest.raises(DeviceSilent):
        asked.ask(b"MEAS:VOLT?\n")
    assert asked.ask(b"MEAS:CURR?\n") == b"0.512"
    assert device.now == pytest.approx(2 * TIMEOUT + 0.1, abs=0.1)
    assert asked.ask(b"MEAS:CURR?\n") == b"0.512"
    assert device.now == pytest.approx(2 * TIMEOUT + 0.2, abs=0.1)  # once


class Chatty(Slow):
    def read(self, size: int, timeout_s: float) -> bytes:
        return b"!" * size


def test_one_that_never_falls_quiet_is_not_waited_for_for_ever() -> None:
    asked = TextLine("supply", Chatty(), 0.01)
    for _ in range(2):
        with pytest.raises(DeviceGarbled):
            asked.ask(b"MEAS:VOLT?\n")


def test_a_supply_is_switched_off_before_anything_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device = Slow(float("inf"))
    settings = SerialSupplySettings(port="none", most_voltage=30.0, most_current=2.0)
    supply = Supply("supply", settings, device)
    with pytest.raises(DeviceSilent):
        supply.read(["measured_voltage"])
    device.sent.clear()
    before, heard = device.now, device.write
    at: list[float] = []

    def write(data: bytes) -> None:
        at.append(device.now)
        heard(data)

    monkeypatch.setattr(device, "write", write)
    with pytest.raises(DeviceSilent):
        supply.stop()
    assert (device.sent[0], at[0]) == (b"OUTP OFF\n", before)
