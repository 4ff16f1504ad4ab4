"""The lines of a cell file that make a gripper of a jaw that was found in a foreign model."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import mujoco
import numpy as np

from handrail_sim.gripper_import import Jaw, Point
from handrail_sim.scenery_import import GUESS, listed, quoted, table

SLOW = {"velocity": 0.02, "acceleration": 0.2, "jerk": 4.0}  # m/s, m/s2, m/s3
EFFORT = 5.0  # N where the model limits none
GIVE = 0.002  # m at which a jaw whose gain nobody knows gives all of its effort
SETTLES = 0.05  # s in which such a jaw does
AJAR = 0.0015  # m that a jaw stays open which holds something


class JawDraft:
    """Writes one jaw by the cell's ``name``; ``ask`` is told what a person has to look at."""

    def __init__(
        self, model: mujoco.MjModel, jaw: Jaw, name: str, ask: Callable[[str], None]
    ) -> None:
        self._model, self.jaw, self._name, self._ask = model, jaw, name, ask
        self._low, self._high = model.jnt_range[jaw.joint].tolist()

    def head(self) -> Iterator[str]:
        """Yield which joint it is, where its tips are, and what counts as open and as empty."""
        jaw = self.jaw
        empty = self._low + (max(0.0, -jaw.closed) + AJAR) / jaw.ratio
        yield f'gripper = {quoted(self._name)}{GUESS}\nfingers = "both move"'
        yield f"tips = {{ fixed = {_point(jaw.fixed)}, moving = {_point(jaw.moving)} }}{GUESS}"
        yield f"jaw_open = {(empty + 3 * self._high) / 4:.6g}{GUESS}"
        yield f"jaw_empty = {empty:.6g}{GUESS}"
        yield f"hold_effort = {self._drive()[0] / 2:.6g}{GUESS}"
        others = ", ".join(one.joint for one in jaw.followers)
        self._ask(
            f"arm.gripper: {self._name} is taken for the jaw, and {others} follows it: hold tips, "
            "jaw_open, jaw_empty and hold_effort against the real one"
        )

    def frame(self) -> Iterator[str]:
        """Yield where the TCP is: in the middle between the tips."""
        at = self.jaw.tcp
        position, turn = listed(at.position.tolist()), listed(self.jaw.turn.tolist())
        placed = f"body = {quoted(at.body)}, position = {position}, quaternion = {turn}"
        yield f'tcp = "tcp"{GUESS}'
        yield f"frame = {{ {placed} }}{GUESS}"
        self._ask("arm.frame: the TCP is put between the fingers' tips, 5 mm behind their ends")

    def limits(self) -> str:
        """Return its limits."""
        limits = {"low": self._low, "high": self._high, **SLOW, "effort": self._drive()[0]}
        return f'{self._name} = {table(limits).removesuffix(" }")}, unit = "m" }}'

    def servo(self) -> str:
        """Return its servo."""
        effort, stiffness, derivative = self._drive()
        guess = ""
        if stiffness is None:
            stiffness, derivative, guess = effort / GIVE, SETTLES * effort / GIVE, GUESS
            self._ask(f"arm.servo.{self._name}: how stiff the jaw is, the model does not say")
        dof = int(self._model.jnt_dofadr[self.jaw.joint])
        own = float(self._model.dof_damping[dof])
        friction = float(self._model.dof_frictionloss[dof])
        servo = {"stiffness": stiffness, "damping": own, "friction": friction}
        return f"{self._name} = {table({**servo, 'derivative': derivative})}{guess}"

    def _drive(self) -> tuple[float, float | None, float]:
        """Return effort [N], stiffness [N/m] (None: not said) and derivative [N.s/m].

        A tendon pulls both fingers. Of two actuators, a finger each, the leader's counts.
        """
        model = self._model
        for number in range(model.nu):
            lever = self._lever(number) * float(model.actuator_gear[number][0])
            if lever == 0:
                continue
            limited = bool(model.actuator_forcelimited[number])
            most = abs(lever) * float(np.abs(model.actuator_forcerange[number]).max())
            bias = model.actuator_biasprm[number] * lever**2
            stiffness = -float(bias[1]) if bias[1] < 0 else None
            return (most if limited else EFFORT), stiffness, -float(bias[2])
        return EFFORT, None, 0.0

    def _lever(self, number: int) -> float:
        """Return how far an actuator goes for the jaw's way; 0 where it moves something else."""
        model, jaw = self._model, self.jaw
        target = int(model.actuator_trnid[number, 0])
        if model.actuator_trntype[number] == mujoco.mjtTrn.mjTRN_JOINT:
            return 1.0 if target == jaw.joint else 0.0
        if model.actuator_trntype[number] != mujoco.mjtTrn.mjTRN_TENDON:
            return 0.0
        goes = {model.joint(one.joint).id: one.ratio for one in jaw.followers} | {jaw.joint: 1.0}
        first, count = int(model.tendon_adr[target]), int(model.tendon_num[target])
        wraps = range(first, first + count)
        if any(model.wrap_type[wrap] != mujoco.mjtWrap.mjWRAP_JOINT for wrap in wraps):
            return 0.0
        return sum(
            float(model.wrap_prm[wrap]) * goes.get(int(model.wrap_objid[wrap]), 0.0)
            for wrap in wraps
        )


def _point(point: Point) -> str:
    return f"{{ body = {quoted(point.body)}, position = {listed(point.position.tolist())} }}"
