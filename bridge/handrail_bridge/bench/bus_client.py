"""One client of the bus benchmark, in a process of its own: prints what it reached as JSON."""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Protocol

from handrail_drivers.errors import DeviceFault
from handrail_drivers.feetech.driver import FeetechBus, FeetechSettings
from handrail_drivers.serial_port import SerialPort
from handrail_sim.cell_file import device_settings, load_cell

WARM_UP = 50  # cycles
PATIENCE = 0.009  # s: with the wire's time as long as the hand-written loop waits
REFERENCES = {
    "pyserial": "pyserial_loop.PyserialLoop",
    "vendor": "vendor_sdk.VendorLoop",
    "lerobot": "lerobot_bus.LerobotLoop",
}


class Loop(Protocol):
    """What a reference offers."""

    def cycle(self, goals: list[int]) -> list[tuple[int, int, int]]:
        """Run one cycle."""

    def close(self) -> None:
        """Release the port."""


def main() -> None:
    """Run ``NAME PORT SECONDS`` and print cycles, late cycles, elapsed and CPU time."""
    name, port, seconds = sys.argv[1:]
    cell = load_cell("desk")
    settings = device_settings(cell, cell.arm.device)
    assert isinstance(settings, FeetechSettings)  # noqa: S101  the desk's bus is Feetech's
    rest = [cell.arm.rest[joint] for joint in cell.arm.all_joints]
    ids = [joint.id for joint in settings.joints.values()]
    if name == "handrail":
        cycle, close = _ours(settings, port, rest)
    else:
        cycle, close = _reference(name, port, ids, rest)
    print(json.dumps(_run(cycle, float(seconds))))  # noqa: T201  the answer to the parent
    close()


def _ours(
    settings: FeetechSettings, port: str, rest: list[float]
) -> tuple[Callable[[], object], Callable[[], None]]:
    patient = settings.model_copy(update={"margin": PATIENCE})
    bus = FeetechBus("arm_bus", patient, SerialPort(port, settings.baud))

    def cycle() -> None:
        bus.read()
        bus.write(rest)

    return cycle, bus.close


def _reference(
    name: str, port: str, ids: list[int], rest: list[float]
) -> tuple[Callable[[], object], Callable[[], None]]:
    module, kind = REFERENCES[name].split(".")
    found = importlib.import_module(f"handrail_bridge.bench.reference.{module}")
    loop: Loop = getattr(found, kind)(port, ids)
    goals = [2048 + round(position * 4096 / 6.283185307) for position in rest]
    return lambda: loop.cycle(goals), loop.close


def _run(cycle: Callable[[], object], seconds: float) -> dict[str, float]:
    for _ in range(WARM_UP):
        _is_good(cycle)
    cycles = late = 0
    start, start_cpu = time.perf_counter(), time.process_time()
    while (elapsed := time.perf_counter() - start) < seconds:
        if _is_good(cycle):
            cycles += 1
        else:
            late += 1
    cpu = time.process_time() - start_cpu
    return {"cycles": cycles, "late": late, "elapsed": elapsed, "cpu": cpu}


def _is_good(cycle: Callable[[], object]) -> bool:
    try:
        cycle()
    except (DeviceFault, OSError, ValueError):
        return False
    return True


if __name__ == "__main__":
    main()
