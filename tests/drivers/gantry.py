"""The twin's gantries in memory: axes that follow exactly, time that a test lets pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handrail_drivers.gcode.axes import MM
from handrail_drivers.gcode.bus import GantryBus
from handrail_drivers.grbl.driver import Grbl as Driver
from handrail_drivers.grbl.settings import GrblSettings
from handrail_drivers.marlin.driver import Marlin as MarlinDriver
from handrail_drivers.marlin.settings import MarlinSettings
from handrail_sim.twin.gcode_machine import GcodeMachine
from handrail_sim.twin.grbl import Grbl
from handrail_sim.twin.marlin import Marlin

ZEROS = {"X": -0.285, "Y": -0.175, "Z": -0.004}
MARLIN_ZEROS = {"X": 0.005, "Y": 0.005, "Z": 0.056}
SWITCHES, HOME = (0.285, 0.175, 0.004), (0.284, 0.174, 0.003)  # Marlin's; where it is homed
STEP = 0.005  # s


def joints(zeros: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    return {axis.lower(): {"axis": axis, "zero": zero} for axis, zero in zeros.items()}


JOINTS, MARLIN_JOINTS = joints(ZEROS), joints(MARLIN_ZEROS)


class Massless(GcodeMachine):
    """Axes without mass; ``held`` ones do not move, whatever their motors do."""

    def __init__(self, zeros: Mapping[str, float], start: Sequence[float]) -> None:
        super().__init__(zeros)
        self.axes = list(start)  # m, by joint
        self.held: set[int] = set()
        self.step(self.axes, (0.0,) * 3, 0.0)

    def advance(self, duration: float) -> None:
        for _ in range(min(round(duration / STEP), 4000)):
            forces = self.step(self.axes, (0.0,) * 3, STEP)
            for axis, force in enumerate(forces):
                if axis not in self.held:
                    self.axes[axis] += force / 20_000.0  # a spring that is followed at once

    def outputs(self) -> Mapping[str, float]:
        places = dict(zip(JOINTS, (round(at, 6) for at in self.axes), strict=True))
        return {**places, "asleep": float(self.controller.is_limp)}

    def change(self) -> None:
        """Have it elsewhere, as after somebody sent it there."""
        x, y, z = self.controller.position
        self.controller.put((x + 10.0, y, z))
        self.axes[0] += 10.0 / MM


class Gantry(Massless, Grbl):
    def __init__(self) -> None:
        super().__init__(ZEROS, (0.02, 0.02, 0.0))


class MarlinGantry(Massless, Marlin):
    def __init__(self, start: Sequence[float] = SWITCHES) -> None:
        super().__init__(MARLIN_ZEROS, start)


class Wire:
    """A transport to an emulator in memory; waiting on it lets the emulator's time pass."""

    def __init__(self, emulator: Any) -> None:
        self.emulator = emulator
        self.sent = b""
        self.now = 1.0  # s
        self._said = b""

    def write(self, data: bytes) -> None:
        self.sent += data
        for _, answer, _ in self.emulator.exchanges(data, None):
            self._said += answer

    def read(self, size: int, timeout_s: float) -> bytes:
        if not self._said:
            self.live(timeout_s)
        data, self._said = self._said[:size], self._said[size:]
        return data

    def begin(self) -> None:
        """Have the controller begin anew, and greet."""
        self.emulator.power_cycle()
        self._said = self.emulator._spoken()

    def live(self, seconds: float) -> None:
        self.now += seconds
        self.emulator.advance(seconds)

    def discard_input(self) -> None:
        self._said = b""

    def close(self) -> None:
        self._said = b""


def machine(**settings: Any) -> tuple[Driver, Wire]:
    """A driver that is connected to its gantry."""
    wire = Wire(Gantry())
    given = GrblSettings.model_validate({"port": "none", "joints": JOINTS, **settings})
    return Driver("machine", given, wire, clock=lambda: round(wire.now * 1e9)), wire


def marlin(start: Sequence[float] = SWITCHES, **settings: Any) -> tuple[MarlinDriver, Wire]:
    """Likewise, of Marlin; it may home when it is armed."""
    wire = Wire(MarlinGantry(start))
    given = {"port": "none", "joints": MARLIN_JOINTS, "homing": "when armed", **settings}
    valid = MarlinSettings.model_validate(given)
    return MarlinDriver("machine", valid, wire, clock=lambda: round(wire.now * 1e9)), wire


def arm(driver: GantryBus) -> None:
    """Arm it as a loop does, which connects again to what holds nothing."""
    if not all(driver.read_hold().torque_enabled):
        driver.connect()
    driver.set_torque(True)
