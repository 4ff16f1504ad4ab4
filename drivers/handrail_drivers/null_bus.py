"""Joints that are at once where they are told to be: for benches and trials without a wire."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from handrail_drivers.api import HoldState, JointHealth, JointState
from handrail_drivers.setpoints import require_finite


class NullBus:
    """A :class:`~handrail_drivers.api.MotionBus` without a wire."""

    transport: ClassVar[str] = "none"
    verified_on_hardware: ClassVar[bool] = False
    measures_effort: ClassVar[bool] = False

    class Settings(BaseModel):
        """Which joints it has."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        joints: Annotated[tuple[str, ...], Field(min_length=1, description="their names")]

    def __init__(self, name: str, settings: Settings, transport: None) -> None:
        del name, transport
        self.joints = settings.joints
        self.retries = 0
        self._still = (0.0,) * len(self.joints)
        self._goal = self._still
        self._torque = False

    def faults(self) -> dict[str, tuple[str, ...]]:
        """Return nothing: it has no faults."""
        return {}

    def connect(self) -> None:
        """There is nothing to find."""

    def read(self) -> JointState:
        """Return the joints where they were told to be."""
        return JointState(time.monotonic_ns(), self._goal, self._still, self._still)

    def write(self, setpoints: Sequence[float]) -> None:
        """Be there at once.

        Raises:
            InvalidValue: a setpoint is no number.
        """
        require_finite(setpoints)
        self._goal = tuple(setpoints)

    def read_hold(self) -> HoldState:
        """Return goals and torque."""
        return HoldState(self._goal, (self._torque,) * len(self.joints))

    def read_health(self, joint: str) -> JointHealth:
        """Return a joint at room temperature."""
        return JointHealth(
            joint, 20.0, 12.0, 0.0, moving=False, torque_enabled=self._torque, faults=()
        )

    def set_torque(self, enabled: bool) -> None:
        """Remember it."""
        self._torque = enabled

    def reset(self) -> None:
        """There is no fault."""

    def stop(self) -> None:
        """It stands already."""

    def close(self) -> None:
        """There is nothing to release."""
