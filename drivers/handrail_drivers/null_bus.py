"""Joints that are at once where they are told to be: for benches and trials without a wire."""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from handrail_drivers.api import HoldState, JointHealth, JointState

KEPT = 1_000_000  # writes whose times are kept


class NullBus:
    """A :class:`~handrail_drivers.api.MotionBus` without a wire."""

    transport: ClassVar[str] = "none"
    verified_on_hardware: ClassVar[bool] = False

    class Settings(BaseModel):
        """Which joints it has, and where it writes down when it was written to."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        joints: Annotated[tuple[str, ...], Field(min_length=1)]
        times: str = Field(
            default="", description="file for the monotonic time [ns] of every write, on close"
        )

    def __init__(self, name: str, settings: Settings, transport: None) -> None:
        del name, transport
        self.joints = settings.joints
        self.retries = 0
        self._times_file = settings.times
        self._times = array("q", bytes(8 * KEPT if settings.times else 0))
        self._writes = 0
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
        """Be there at once, and note when."""
        if self._writes < len(self._times):
            self._times[self._writes] = time.monotonic_ns()
            self._writes += 1
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

    def stop(self) -> None:
        """It stands already."""

    def close(self) -> None:
        """Write down the times, if asked to."""
        if self._times_file:
            Path(self._times_file).write_bytes(self._times[: self._writes].tobytes())
            self._times_file = ""
