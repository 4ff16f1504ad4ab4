"""A policy on the arm: asked within the tick, held to the bounds of its permit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from handrail_drivers.api import JointState
from handrail_sim.cell import Cell
from handrail_sim.links import Links
from handrail_sim.policy.drive import Drive, Policies
from handrail_sim.verdict import PolicyPart, Trajectory

from handrail_bridge.loop.reflexes import Stop, Trip
from handrail_bridge.loop.settings import LoopConfig

GUARD = "policy"  # its name among the reflexes
Clock = Callable[[], int]  # ns, monotonic


class LoadedPolicies:
    """The policies of a loop's cell, loaded before anything is armed, and what bounds them.

    Raises:
        InvalidModel: a file is not what the cell declares, or too slow.
    """

    def __init__(self, config: LoopConfig) -> None:
        cell = Cell.model_validate(config.cell).model_copy(update={"folder": Path(config.folder)})
        self._limits = {name: cell.arm.limits[name] for name in cell.arm.joints}
        self._policies = Policies(cell)
        self._links = Links(cell)

    def knows(self, part: PolicyPart) -> bool:
        """Tell whether it has the very policy that was checked."""
        return bool(part.sha256) and part.sha256 == self._policies.sha256(part.policy)

    def begin(self, trajectory: Trajectory, part: PolicyPart, setpoint: list[float]) -> Drive:
        """Return a run of a policy that begins at the setpoints [rad] that stand."""
        if part.first:
            before = part.first - 1
            setpoint = (trajectory.hold[before] + trajectory.lead[before]).tolist()
        return self._policies.drive(part, trajectory.rows, setpoint)

    def ask(self, part: PolicyPart, drive: Drive, joints: JointState, clock: Clock) -> Trip | None:
        """Ask a policy what comes next; return what ends its run."""
        began = clock()
        try:
            answered = drive.ask(joints.position, joints.velocity)
        except Exception as error:  # noqa: BLE001  a runtime may raise anything: fail closed
            return Trip(GUARD, "policy_failed", f"The policy {part.policy} failed: {error!r}")
        took, budget = clock() - began, self._policies.budget_ns(part.policy)
        if took > budget:
            late = f"took {took / 1e6:.1f} ms to answer; {budget / 1e6:.1f} ms are its budget."
            return Trip(GUARD, "policy_overrun", f"The policy {part.policy} {late}")
        if not answered:
            text = f"The policy {part.policy} answered what is no number."
            return Trip(GUARD, "policy_gibberish", text)
        return None

    def look(self, part: PolicyPart, joints: JointState) -> Trip | None:
        """Return which bound of its permit a policy's run has left."""
        velocities = zip(self._limits, joints.velocity, part.velocity, strict=False)
        for name, is_, bound in velocities:
            if not abs(is_) <= bound:
                moves = f"{name} moves at {is_:.2f} {self._limits[name].unit}/s"
                return _out(part, f"{moves}; {bound:.2f} were permitted.")
        for name, is_, bound in zip(self._limits, joints.effort, part.effort, strict=False):
            if not abs(is_) <= bound:
                pushes = f"{name} pushes with {is_:.2f} {self._limits[name].effort_unit}"
                return _out(part, f"{pushes}; {bound:.2f} were permitted.")
        place = self._links.tcp(joints.position)
        for axis, is_, low, high in zip("xyz", place, part.low, part.high, strict=True):
            if not low <= is_ <= high:
                where = f"the TCP is at {axis} = {is_:.3f} m; {low:.3f} to {high:.3f} m"
                return _out(part, f"{where} were permitted.")
        return None


def _out(part: PolicyPart, text: str) -> Trip:
    why = f"While the policy {part.policy} moved it, {text}"
    return Trip(GUARD, "policy_bounds", why, Stop.WHERE_IT_IS)
