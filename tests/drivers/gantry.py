"""The twin's Grbl controller in memory: axes that follow exactly, time that a test lets pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handrail_drivers.grbl.driver import Grbl as Driver
from handrail_drivers.grbl.settings import GrblSettings
from handrail_drivers.grbl.words import MM
from handrail_sim.twin.grbl import Grbl
from handrail_sim.twin.grbl_controller import State

ZEROS = {"X": -0.285, "Y": -0.175, "Z": -0.004}
JOINTS = {axis.lower(): {"axis": axis, "zero": zero} for axis, zero in ZEROS.items()}
STEP = 0.005  # s


class Gantry(Grbl):
    """Axes without mass; ``held`` ones do not move, whatever their motors do."""

    def __init__(self) -> None:
        super().__init__(ZEROS)
        self.axes = [0.02, 0.02, 0.0]  # m, by joint
        self.held: set[int] = set()
        self.step(self.axes, (0.0,) * 3, 0.0)

    def advance(self, duration: float) -> None:
        for _ in range(min(round(duration / STEP), 4000)):
            forces = self.step(self.axes, (0.0,) * 3, STEP)
            if self.controller.state is State.SLEEP:
                continue
            for axis, force in enumerate(forces):
                if axis not in self.held:
                    self.axes[axis] += force / 20_000.0  # a spring that is followed at once

    def outputs(self) -> Mapping[str, float]:
        asleep = float(self.controller.state is State.SLEEP)
        places = dict(zip(JOINTS, (round(at, 6) for at in self.axes), strict=True))
        return {**places, "asleep": asleep}

    def change(self) -> None:
        """Have it elsewhere, as after somebody sent it there."""
        x, y, z = self.controller.position
        self.controller.restart((x + 10.0, y, z), self.controller.state)
        self.axes[0] += 10.0 / MM


class Wire:
    """A transport to an emulator in memory; waiting on it lets the emulator's time pass."""

    def __init__(self, emulator: Gantry) -> None:
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
