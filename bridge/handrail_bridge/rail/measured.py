"""What a reading of the joints means: where the TCP is, how far the jaw is open, what it feels."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import mujoco
from handrail_drivers.errors import StaleReading
from handrail_sim.cell import Cell
from handrail_sim.check.predicates import WorldView, known
from handrail_sim.verdict import ObjectBelief
from handrail_sim.world import Scene, load_model

from handrail_bridge.loop.state import LoopState
from handrail_bridge.reports import CellState, Counters, Joint, Lease

STALE = 0.5  # s: an older reading starts no check and no motion
STILL = 0.05  # rad/s, by the joint's lever
Point = tuple[float, float, float]


class Measured:
    """The cell's geometry applied to readings of its loop."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self._still = [STILL * cell.arm.limits[name].lever for name in cell.arm.all_joints]
        model = load_model(cell)
        self._scene = Scene(model, cell)
        self._data = mujoco.MjData(model)

    def tcp(self, position: Sequence[float]) -> Point:
        """Return where the TCP is [m] with the joints at ``position`` (joints,) [rad]."""
        self._scene.set_joints(self._data.qpos, position)
        mujoco.mj_kinematics(self._scene.model, self._data)
        x, y, z = self._scene.tcp_pose(self._data)[0].tolist()
        return x, y, z

    def gap(self, state: LoopState) -> float:
        """Return how far apart the pads are [m]."""
        return self._scene.jaw_to_gap(state.position[self._scene.arm_joints])

    def holding(self, state: LoopState) -> bool:
        """Tell whether the jaw feels something: stopped short of closed, and pressing."""
        arm = self.cell.arm
        number = self._scene.jaw
        if number is None:
            return False
        jaw, closing = state.position[number], -state.effort[number]
        return bool(arm.jaw_empty < jaw < arm.jaw_open and closing >= arm.hold_effort)

    def view(
        self,
        state: LoopState,
        objects: Mapping[str, ObjectBelief],
        began: Mapping[str, ObjectBelief],
        sensors: Mapping[str, float],
    ) -> WorldView:
        """Return what a predicate can ask about; the jaw's feeling has the say on what is held.

        ``objects`` is where things should be now, ``began`` where they were when the plan began.
        """
        felt, tcp = self.holding(state), self.tcp(state.position)
        held = next((name for name, thing in objects.items() if thing.held_pose), None)
        there = {name: thing for name, thing in objects.items() if felt or name != held}
        return WorldView(
            cell=self.cell,
            joints=self.positions(state),
            efforts=dict(zip(self.cell.arm.all_joints, state.effort, strict=True)),
            tcp=tcp,
            turned=self._scene.tcp_axes(self._data),
            held=(held or "something") if felt else None,
            objects=known(there),
            began=known(began),
            sensors=sensors,
        )

    def positions(self, state: LoopState) -> dict[str, float]:
        """Return the measured joint positions [rad] by name."""
        return dict(zip(self.cell.arm.all_joints, state.position, strict=True))

    def still(self, state: LoopState) -> bool:
        """Tell whether no joint moves."""
        pairs = zip(state.velocity, self._still, strict=True)
        return all(abs(velocity) < still for velocity, still in pairs)

    def report(
        self,
        state: LoopState,
        reflexes: tuple[str, ...],
        leases: tuple[Lease, ...],
        running: str,
        noise: Sequence[float] = (),
    ) -> CellState:
        """Return what clients see; ``running`` is the digest of the plan that runs.

        ``noise`` [rad, or m] by joint is how much its readings scatter; empty until measured.
        """
        return CellState(
            time_ns=state.time_ns,
            age=age(state.time_ns),
            mode=state.mode,
            reason=state.reason,
            fault_code=state.fault_code,
            joints=self._joints(state, noise),
            tcp_position=self.tcp(state.position),
            holding=self.holding(state),
            loop=self._counters(state),
            leases=leases,
            reflexes=reflexes,
            speed_scale=state.speed_scale,
            progress=state.row / state.rows if running and state.rows else 0.0,
            plan_digest=running,
        )

    def _joints(self, state: LoopState, noise: Sequence[float]) -> tuple[Joint, ...]:
        return tuple(
            Joint(
                name=name,
                position=state.position[i],
                velocity=state.velocity[i],
                effort=state.effort[i],
                setpoint=state.setpoint[i],
                temperature=state.temperature[i],
                voltage=state.voltage[i],
                moving=abs(state.velocity[i]) >= self._still[i],
                torque_enabled=state.torque_enabled[i],
                noise=noise[i] if noise else None,
                unit=self.cell.arm.limits[name].unit,
            )
            for i, name in enumerate(self.cell.arm.all_joints)
        )

    def _counters(self, state: LoopState) -> Counters:
        return Counters(
            state.ticks,
            state.overruns,
            state.late_reads,
            state.retries,
            state.clamps,
            float(self.cell.loop.rate),
        )


def age(time_ns: int) -> float:
    """Return how long ago [s] a monotonic time was."""
    return (time.monotonic_ns() - time_ns) * 1e-9


def fresh(state: LoopState) -> LoopState:
    """Return the state, or refuse it where it is too old to start anything from."""
    old = age(state.time_ns)
    if old > STALE:
        raise StaleReading(
            f"The joints were last read {old:.1f} s ago: {state.reason or 'the loop is silent'}.",
            subject="loop",
            value=old,
            limit=STALE,
            unit="s",
        )
    return state
