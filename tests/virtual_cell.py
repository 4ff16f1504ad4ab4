"""A whole cell in one process and virtual time, with the calls that a client offers.

Real: the bridge's senses, vision and belief, the check, the loop's tick, the servo driver, the
servos, the true physics, the camera's picture. Left out: processes, gRPC, permits, leases, scales.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any

import mujoco
from handrail_bridge.loop.settings import loop_configs
from handrail_bridge.loop.state import LoopState, Mode
from handrail_bridge.rail.belief import Belief
from handrail_bridge.rail.grants import Grant, Present
from handrail_bridge.rail.measured import Measured
from handrail_bridge.rail.motion import Motion, Outcome
from handrail_bridge.rail.requests import parse_plan
from handrail_bridge.reports import Check, Permit, Receipt
from handrail_bridge.senses import Senses
from handrail_drivers.camera.driver import Frame
from handrail_drivers.feetech.driver import FeetechBus
from handrail_sim.cell import Cell
from handrail_sim.cell_file import device_settings
from handrail_sim.check.checker import Checker
from handrail_sim.twin.camera import Eye
from handrail_sim.twin.feetech_wire import FeetechBank, ServoSpec
from handrail_sim.twin.perturbation import draw, truth_model
from handrail_sim.twin.truth import Truth
from handrail_sim.verdict import StartState
from loop_rig import Rig
from memory_wire import MemoryWire

RUNNING = (Mode.MOVING, Mode.STOPPING)
TORQUE_ENABLE = 40  # a servo's register
TOKEN = 7  # the lease's, which nobody else wants here


class World:
    """The truth and its servos; lives while the loop sleeps."""

    def __init__(self, cell: Cell, seed: int, perturb: bool) -> None:
        self.truth = Truth(cell, seed, perturb)
        self.now_ns = 0
        settings = device_settings(cell, cell.arm.device)
        draws = self.truth.servo_draws
        specs = [ServoSpec(settings.joints[name].id, name, draws[name]) for name in draws]
        self._wire = MemoryWire(FeetechBank(specs))
        self._name, self._settings = cell.arm.device, settings

    def bus(self) -> FeetechBus:
        return FeetechBus(self._name, self._settings, self._wire, clock=lambda: self.now_ns)

    def lose_torque(self, joint: str) -> None:
        """Have one servo forget that it is to hold, as after a dip of its supply."""
        self._wire.bank.servos[joint].write(TORQUE_ENABLE, b"\x00")

    def live(self, duration_ns: int) -> None:
        dt = self.truth.timestep
        for _ in range(round(duration_ns * 1e-9 / dt)):
            self.truth.step(self._wire.bank.step(*self.truth.joint_state(), dt))
        self.now_ns += duration_ns


class Lens:
    """A camera of the true world, in the place of a network camera."""

    def __init__(self, cell: Cell, camera: str, seed: int, perturb: bool, truth: Truth) -> None:
        hidden = draw(cell, seed, perturb)
        model = cell.cameras[camera]
        self._model = truth_model(cell, hidden)
        self._data = mujoco.MjData(self._model)
        self._renderer = mujoco.Renderer(self._model, model.height, model.width)
        self._eye = Eye(self._renderer, camera, hidden.image_noise, seed)
        self._truth = truth
        self._frame: Frame | None = None

    def shoot(self) -> None:
        """Take the picture, in the thread to which the renderer belongs."""
        self._data.qpos[:] = self._truth.qpos
        mujoco.mj_forward(self._model, self._data)
        self._frame = Frame(self._eye.picture(self._data), 1, time.monotonic_ns())

    def newest(self, after_ns: int = 0, timeout_s: float = 0.0) -> Frame:
        assert self._frame is not None
        return self._frame

    def close(self) -> None:
        self._renderer.close()


class VirtualCell:
    """An armed cell. ``call``, ``lease``, ``check`` and ``execute`` are as a Client's."""

    def __init__(self, cell: Cell, seed: int, perturb: bool = True) -> None:
        cell = _without_scales(cell)
        self.cell = cell
        self.world = World(cell, seed, perturb)
        config = loop_configs(cell, {})[0]
        rules = {name: rule for name, rule in config.rules.items() if "signal" not in rule}
        config = config.model_copy(update={"rules": rules})  # it has no button
        self.rig = Rig(config, self.world.bus, self.world.live)
        self.belief = Belief(cell.objects, cell.check.clearance)
        self.measured = Measured(cell)
        self.situation = SimpleNamespace(belief=self.belief, measured=self.measured)
        self.running = None  # nobody looks while a plan runs
        self.checker = Checker(cell)
        self._lens = Lens(cell, next(iter(cell.cameras)), seed, perturb, self.world.truth)
        self._senses = Senses(self, {next(iter(cell.cameras)): self._lens})  # type: ignore[arg-type,dict-item]  # their stand-ins
        self._grants: dict[str, Grant] = {}
        self.cut_after = 0.0  # s after which the next plan is aborted; 0 does not
        self.rig.ask("arm", hold=self.checker.hold_command(self.rig.state.position))
        self.rig.lease(TOKEN)

    def loop_state(self) -> LoopState:
        return self.rig.state

    async def call(self, tool: str, **_: Any) -> dict[str, Any]:
        if tool == "cell_describe":
            return self._senses.cell_describe()
        if tool == "look":
            self._lens.shoot()
            return (await self._senses.look()).model_dump(mode="json")
        assert tool == "arm_state", tool
        state = self.rig.state
        return {
            "tcp": list(self.measured.tcp(state.position)),
            "gap": self.measured.gap(state),
            "holding": self.measured.holding(state),
        }

    @contextlib.asynccontextmanager
    async def lease(self, holder: str) -> AsyncIterator[None]:
        yield

    async def check(self, plan: Mapping[str, Any]) -> Check:
        state = self.rig.state
        self.belief.feel(self.measured.holding(state))
        start = StartState(state.position, state.setpoint, self.belief.objects)
        parsed = parse_plan(json.dumps(plan), self.cell)
        verdict = self.checker.check(parsed, start)
        if not verdict.passed:
            return Check(verdict, None)
        count = len(self._grants) + 1
        number, device = str(count), self.cell.arm.device
        nothing = Present(0.0, {}, "", self.belief.now, 0, {device: TOKEN})
        self._grants[number] = Grant(number, count, parsed, verdict, nothing, (device,), 0.0)
        return Check(verdict, Permit(number, verdict.plan_digest, "", 0.0))

    async def play(self, plan: Mapping[str, Any], permit: Permit) -> Receipt:
        grant = self._grants[permit.id]
        assert grant.verdict.trajectory is not None
        self.rig.play(grant.verdict.trajectory, motion_id=int(permit.id), token=TOKEN)
        if self.cut_after > 0:
            self.rig.run(round(self.cut_after * self.cell.loop.rate))
            self.rig.abort(int(permit.id))
            self.cut_after = -1.0  # once
        self.rig.until(lambda state: state.mode not in RUNNING, ticks=100_000)
        self.rig.run(10)
        self.rig.until(lambda state: self.measured.still(state))
        state = self.rig.state
        outcome = Outcome(
            state.ended_completed,
            state.ended_reason,
            state.fault_code,
            grant.verdict.duration,
            state.peak_following_error,
            (),
            state.peak_slide_error,
        )
        motion = Motion(
            int(permit.id),
            permit.id,
            parse_plan(json.dumps(plan), self.cell),
            grant,
            self.measured,
            self.belief.objects,
            dict,
        )
        return motion.judge(outcome, state, self.belief)

    def astray(self) -> dict[str, str | None]:
        """Objects that the world says do not lie where they belong, and where they lie."""
        truth = self.world.truth.snapshot()["objects"]
        wanted = {name: thing.goes_to for name, thing in self.cell.objects.items()}
        lies = {name: truth[name]["region"] for name in wanted}
        return {name: lies[name] for name in wanted if wanted[name] not in (None, lies[name])}

    def close(self) -> None:
        self._lens.close()
        self.rig.close()


def _without_scales(cell: Cell) -> Cell:
    regions = {n: one.model_copy(update={"weight": None}) for n, one in cell.regions.items()}
    return cell.model_copy(update={"regions": regions})
