"""The register maps of the benchmark, and devices that have them."""

from __future__ import annotations

from pathlib import Path

from handrail_drivers.modbus.device import ModbusSettings

# A usual three-phase meter: floats over two registers each, in runs with holes between them.
RUNS: tuple[tuple[int, int], ...] = (
    (0, 44),
    (46, 50),
    (52, 54),
    (56, 58),
    (60, 64),
    (66, 68),
    (70, 88),
    (100, 108),
)
RUNS += ((200, 208), (224, 226), (234, 246), (248, 252), (254, 256), (258, 266))
ADDRESSES = tuple(address for run in RUNS for address in range(*run, 2))
VALUE, ADDRESS = "value_70", 70  # the one that is read alone
MOST, GAP = 80, 16  # registers: what such a meter answers at once, and what may be passed over
COUNTERS, RATE = 100, 10.0  # registers of a polled device, Hz
SCALE = 0.1  # of a polled register

METER_ENTRY = """[registers.value_{0}]
description = "What is measured at {0}."
address = {0}
type = "f32"
"""
COUNTER_ENTRY = """[registers.count_{0}]
description = "What is counted at {0}."
address = {0}
scale = {1}
poll = {2}
"""


def meter(folder: Path) -> Path:
    """Write the meter's map."""
    head = f"most_registers = {MOST}\ngap = {GAP}\n"
    return _written(folder / "meter.toml", head, [METER_ENTRY.format(n) for n in ADDRESSES])


def counters(folder: Path) -> Path:
    """Write the map of a device whose registers are all polled."""
    entries = [COUNTER_ENTRY.format(n, SCALE, RATE) for n in range(COUNTERS)]
    return _written(folder / "counters.toml", "", entries)


def settings(file: Path, port: int) -> ModbusSettings:
    """Return the settings of a device with a map at a port of this machine."""
    return ModbusSettings(map=file, tcp=f"127.0.0.1:{port}")


def _written(file: Path, head: str, entries: list[str]) -> Path:
    file.write_text("\n".join([head, *entries]))
    return file
