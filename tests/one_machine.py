"""One machine of a cell in virtual time: its driver, its emulator, and the twin's true world."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from handrail_bridge.loop.settings import loop_configs
from handrail_bridge.loop.state import LoopState, Mode
from handrail_drivers import plugins
from handrail_drivers.emulator import Place
from handrail_drivers.errors import NotReady
from handrail_sim.cell import Cell
from handrail_sim.cell_file import device_settings
from handrail_sim.check.checker import Checker
from handrail_sim.plan import Plan
from handrail_sim.twin.truth import Truth
from handrail_sim.verdict import StartState, Verdict
from loop_rig import Rig

TOKEN = 7  # the lease's, which nobody else wants here
HOMES = 10  # s at most


class Machine:
    """The true machine, and a wire to what drives it, on which no time passes.

    ``emulator`` is the twin's; ``bus`` makes a driver on its wire.
    """

    def __init__(self, cell: Cell, seed: int = 3) -> None:
        self.name = cell.arm.device
        self.truth = Truth(cell, seed, perturb=True)
        self.settings = device_settings(cell, self.name)
        self._driver = cell.devices[self.name].driver
        joints = cell.arm.joints
        draws = {joint: self.truth.servo_draws[joint] for joint in joints}
        place = Place(self.name, self.settings, None, joints, draws, (seed,))
        self.emulator: Any = plugins.wires.one(self._driver).at(place)
        self.cell = cell
        self.now_ns = 1_000_000_000
        self.heard = bytearray()  # all that was written to it
        self._said = b""
        self.live(10_000_000)

    def bus(self) -> Any:
        driver = plugins.drivers.one(self._driver)
        return driver(self.name, self.settings, self, clock=lambda: self.now_ns)

    def live(self, duration_ns: int) -> None:
        step = self.truth.timestep
        for _ in range(round(duration_ns * 1e-9 / step)):
            self.truth.step(self.emulator.step(*self.truth.joint_state(), step))
        self.now_ns += duration_ns

    def at(self, joint: str) -> float:
        """Its true position [rad, m]."""
        return float(self.truth.snapshot()["joints"][joint]["position"])

    def write(self, data: bytes) -> None:
        self.heard += data
        for _, answer, _ in self.emulator.exchanges(data, None):
            self._said += answer

    def read(self, size: int, timeout_s: float) -> bytes:
        data, self._said = self._said[:size], self._said[size:]
        return data

    def discard_input(self) -> None:
        self._said = b""

    def close(self) -> None:
        self._said = b""


@contextlib.contextmanager
def armed(machine: Machine, checker: Checker) -> Iterator[Rig]:
    """The loop of a machine's bus, armed, under a lease; one that homes first has homed."""
    rig = Rig(loop_configs(machine.cell, {})[0], machine.bus, machine.live)
    try:
        try:
            arm(rig, checker)
        except NotReady:  # it drives to its limit switches
            rig.run(HOMES * rig.config.rate)
            rig.ask("reset")
            arm(rig, checker)
        rig.lease(TOKEN)
        yield rig
    finally:
        rig.close()


def arm(rig: Rig, checker: Checker) -> None:
    """Arm it where it stands."""
    rig.ask("arm", hold=checker.hold_command(rig.state.position))


def checked(rig: Rig, checker: Checker, *steps: dict[str, float]) -> Verdict:
    """Have moves of the joints checked from where they are."""
    plan = Plan.model_validate(
        {"steps": [{"tool": "arm_move_joints", "positions": step} for step in steps]}
    )
    return checker.check(plan, StartState(rig.state.position, rig.state.setpoint, {}))


def begin(rig: Rig, checker: Checker, *steps: dict[str, float]) -> None:
    """Begin to play what passes the check."""
    verdict = checked(rig, checker, *steps)
    assert verdict.passed, verdict.violations
    assert verdict.trajectory is not None
    rig.play(verdict.trajectory, token=TOKEN)


def ended(rig: Rig) -> LoopState:
    """Wait for the motion's end, and for what swings to come to rest."""
    rig.until(lambda state: state.mode not in (Mode.MOVING, Mode.STOPPING), ticks=4000)
    rig.run(100)
    return rig.state
