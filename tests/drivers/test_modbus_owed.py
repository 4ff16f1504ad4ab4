"""A unit on RTU that is not heard: what it may still answer is never taken for another answer."""

from __future__ import annotations

import pytest
from handrail_drivers.errors import ModbusGarbled, ModbusSilent
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.wires import RtuWire

READ = frames.read(1, Table.HOLDING, 0, 1)
WRITE = frames.write_registers(1, 0, [5])


class Line:
    """Nothing is heard on it but what ``late`` holds, which comes after the next request."""

    def __init__(self) -> None:
        self.functions: list[int] = []  # of the requests so far
        self.late = self._coming = b""

    def write(self, data: bytes) -> None:
        self.functions.append(data[1])
        self._coming, self.late = self.late, b""

    def read(self, size: int, timeout_s: float) -> bytes:
        del timeout_s
        part, self._coming = self._coming[:size], self._coming[size:]
        return part

    def discard_input(self) -> None:
        self._coming = b""


def ask(wire: RtuWire, *, blindly: bool) -> bytes:
    return wire.exchange(WRITE if blindly else READ, 0.0, blindly=blindly)


@pytest.mark.parametrize(("blindly", "between"), [(False, 1), (True, 2)])
def test_it_is_asked_with_a_function_that_it_owes_no_answer_to(blindly: bool, between: int) -> None:
    """``between``: a probe alone goes out each time, or a probe and what is said blindly."""
    line = Line()
    wire = RtuWire(line, 115_200, gap=0.0)  # type: ignore[arg-type]  # all that it needs
    for _ in range(8):
        with pytest.raises(ModbusSilent):
            ask(wire, blindly=blindly)
    probes = range(1, len(line.functions), between)
    assert len(probes) == 7
    assert not [n for n in probes if line.functions[n] in line.functions[max(0, n - 3) : n]]


def test_a_probes_late_answer_does_not_pass_for_the_next_probes() -> None:
    line = Line()
    wire = RtuWire(line, 115_200, gap=0.0)  # type: ignore[arg-type]  # as above
    for blindly in (False, True):  # a read, then a probe and a write: three answers are owed
        with pytest.raises(ModbusSilent):
            ask(wire, blindly=blindly)
    probe = line.functions[1]
    said = bytes((1, probe, 2, 0, 7))
    line.late = said + frames.crc(said)
    with pytest.raises((ModbusSilent, ModbusGarbled)):
        ask(wire, blindly=False)
    assert wire.dropped == 1
    assert READ.body[0] not in line.functions[3:], "it was asked though it owes answers"
