"""The bridge's questions: arm, disarm, reset, torque, play. One is answered in a tick's slack."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from handrail_drivers.api import HoldState, JointState, MotionBus
from handrail_drivers.errors import (
    HandrailError,
    InvalidRequest,
    LeaseRefused,
    NotArmed,
    PermitRefused,
    Refused,
    ServoGarbled,
    ServoSilent,
)
from handrail_sim.verdict import PolicyPart, Trajectory

from handrail_bridge.loop.control import TOKEN, Control
from handrail_bridge.loop.loading import Loading
from handrail_bridge.loop.motion import Motion
from handrail_bridge.loop.port import Port
from handrail_bridge.loop.reflexes import Reflexes
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.shared import Shared
from handrail_bridge.loop.state import Mode

READS = 5  # tries at a whole reading before arming fails
NEVER_NS = 2**63 - 1  # until the bridge says when
# By the joint's lever:
NEAR = 0.15  # rad: a goal nearer than that to the measured position moves nothing by surprise
START = 0.02  # rad between a trajectory's first setpoint and the one that stands


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to the question of a number."""

    number: int
    result: object = None
    error: HandrailError | None = None


class Questions:
    """Carries out what the bridge asks; refuses what the mode does not allow."""

    def __init__(
        self,
        config: LoopConfig,
        control: Control,
        shared: Shared,
        port: Port,
        motion: Motion,
        reflexes: Reflexes,
    ) -> None:
        self._config = config
        self._control = control
        self._shared = shared
        self._reflexes = reflexes
        self._port = port
        self._motion = motion
        self._complaint, self._number = "", 0
        self._room = shared.room()
        self._loading: tuple[int, Loading, int, int] | None = None  # question, motion, token
        self._acts: dict[str, Callable[..., object]] = {
            "arm": self._arm,
            "disarm": self._disarm,
            "reset": self._reset,
            "remove_torque": self._remove_torque,
            "read_hold": self._read_hold,
            "play": self._play,
        }

    @property
    def loading(self) -> bool:
        """Whether a trajectory is being taken: then :meth:`go_on` is due."""
        return self._loading is not None

    def answer(self, question: dict[str, Any], complaint: str = "") -> Answer | None:
        """Do what is asked, and return what to say; nothing is armed while a reflex complains.

        None: it takes longer, and ends in :meth:`go_on`.
        """
        self._complaint = complaint
        self._number = question.pop("id")
        try:
            act = self._acts[question.pop("op")]
            result = act(**question)
        except HandrailError as error:
            return Answer(self._number, error=error)
        except (KeyError, TypeError, ValueError) as error:
            return Answer(
                self._number, error=InvalidRequest(f"The loop cannot read this question: {error!r}")
            )
        return None if self.loading else Answer(self._number, result)

    def go_on(self) -> Answer | None:
        """Take the next piece of a trajectory; return what to say once it is whole."""
        if self._loading is None:
            return None
        number, loading, motion_id, token = self._loading
        if not loading.finished:
            loading.go_on()
            return None
        self._loading = None
        try:
            self._require_movable(token)
            trajectory = loading.result()
            self._require_near(trajectory)
        except HandrailError as error:
            return Answer(number, error=error)
        self._motion.play(trajectory, motion_id, token, NEVER_NS)
        return Answer(number)

    # --- acts of the operator -----------------------------------------------------------------

    def _arm(self, hold: Sequence[float]) -> None:
        """Hold where the joints are. ``hold`` [rad] is measured position plus load compensation.

        A servo under torque whose goal is near keeps that goal: nothing jumps, nothing sags.
        """
        if self._motion.mode == Mode.ARMED:
            return
        if self._motion.mode != Mode.DISARMED:
            raise NotArmed(
                f"The cell is {self._motion.mode.name.lower()}: {self._motion.reason}",
                hint="reset first, then arm",
            )
        if self._complaint:
            raise NotArmed(
                f"A reflex would stop the cell at once: {self._complaint}",
                hint="mend its cause, reset, then arm",
            )
        bus = self._port.require()
        present = bus.read_hold()
        if not all(present.torque_enabled):
            bus.connect()  # a servo that browned out has lost its limits
        joints = _read(bus)
        setpoint = [
            self._hold_of(i, present, joints.position[i], hold[i])
            for i in range(len(self._config.joints))
        ]
        bus.write(setpoint)  # before torque: the goal must be near when it comes
        self._port.set_torque(
            True
        )  # also to one that has it: its driver may be another than before
        self._motion.arm(setpoint, joints.position)

    def _hold_of(self, index: int, present: HoldState, measured: float, hold: float) -> float:
        low, high = self._config.low[index], self._config.high[index]
        # Bounded here: the clamp would bring a joint that is beyond its limits there at once.
        goal, hold = (min(max(value, low), high) for value in (present.goal[index], hold))
        near = NEAR * self._config.levers[index]
        grips = self._config.grips[index]  # its goal lies behind what it presses against
        if present.torque_enabled[index] and (grips or abs(goal - measured) <= near):
            return goal
        unit = self._config.units[index]
        if not abs(hold - measured) <= near:
            beyond = not low - near <= measured <= high + near
            raise Refused(
                f"{self._config.joints[index]} would jump by {hold - measured:.3f} {unit}.",
                field=self._config.joints[index],
                value=hold - measured,
                limit=near,
                unit=unit,
                hint=f"it is at {measured:.3f} {unit}, beyond its limits ({low:g} to {high:g}): "
                "remove torque and bring it within them by hand"
                if beyond
                else "it has moved since it was read: arm again",
            )
        return hold

    def _disarm(self) -> None:
        self._require_rest("disarming")
        if not self._motion.latched:
            self._motion.disarm("disarmed by the operator")

    def _reset(self) -> None:
        """Forget every reflex that fired. A stop or a fault leaves the cell disarmed."""
        self._require_rest("a reset")
        if self._motion.latched:
            self._port.require()
        if self._port.bus is not None:
            self._port.bus.reset()
        if self._motion.latched:
            self._motion.disarm("reset by the operator; not armed yet")
        self._motion.speed_scale = 1.0
        self._reflexes.reset()

    def _remove_torque(self) -> None:
        self._require_rest("removing torque")
        self._port.require()
        self._motion.let_go("torque removed by the operator")
        self._port.set_torque(False)
        self._motion.power_is_off()  # only now: until then a stop goes on wanting it

    def _read_hold(self) -> dict[str, object]:
        hold = self._port.require().read_hold()
        return {"goal": hold.goal, "torque_enabled": hold.torque_enabled}

    def _require_rest(self, what: str) -> None:
        if not self._motion.at_rest:
            raise Refused(f"A motion is running; {what} needs it to end.", hint="stop it first")

    # --- the one road of motion -----------------------------------------------------------------

    def _play(
        self,
        motion_id: int,
        token: int,
        digest: str,
        rows: int,
        step_rows: list[int],
        policy: dict[str, Any] | None,
    ) -> None:
        """Take what lies in shared memory, if it is what was permitted: it begins by a word."""
        self._require_movable(token)
        part = self._known(policy) if policy else None
        loading = Loading(self._config, self._shared, self._room, digest, rows, step_rows, part)
        self._loading = self._number, loading, motion_id, token

    def _known(self, policy: dict[str, Any]) -> PolicyPart:
        """Return the part of a trajectory that is a policy's, if this loop has that policy."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in policy.items()
        }
        part = PolicyPart(**given)
        if self._motion.policies is None or not self._motion.policies.knows(part):
            raise PermitRefused(
                f"This loop has no policy {part.policy!r} of that digest.",
                field="policy",
                value=part.sha256[:12],
                hint="restart the bridge: the cell's file has changed since",
            )
        return part

    def _require_movable(self, token: int) -> None:
        if self._motion.mode != Mode.ARMED or self._motion.setpoint is None:
            raise NotArmed(
                f"The cell is {self._motion.mode.name.lower()}.",
                hint="an operator has to arm it" if self._motion.at_rest else "wait for its end",
            )
        if token == 0 or token != self._control.word(TOKEN + self._config.number):
            raise LeaseRefused("The lease under which this plan came is not the present one.")

    def _require_near(self, trajectory: Trajectory) -> None:
        """Refuse a trajectory that does not begin where the arm stands."""
        first = trajectory.hold[0] + trajectory.lead[0]
        setpoint = self._motion.setpoint or ()
        config = self._config
        for name, unit, lever, begins, stands in zip(
            config.joints, config.units, config.levers, first, setpoint, strict=True
        ):
            if not math.isclose(begins, stands, rel_tol=0.0, abs_tol=START * lever):
                raise PermitRefused(
                    f"{name} would start {abs(begins - stands):.3f} {unit} from its setpoint.",
                    field=name,
                    value=float(begins),
                    limit=stands,
                    unit=unit,
                    hint="have the plan checked again",
                )


def _read(bus: MotionBus) -> JointState:
    """Return a whole reading; one late reply does not keep an arm from being armed."""
    for _ in range(READS - 1):
        with contextlib.suppress(ServoSilent, ServoGarbled):
            return bus.read()
    return bus.read()
