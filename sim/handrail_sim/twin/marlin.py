"""A gantry's controller with Marlin, its steppers and limit switches. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from handrail_sim.twin.gcode_machine import GcodeMachine
from handrail_sim.twin.marlin_controller import TRAVEL, Controller


class Marlin(GcodeMachine):
    """A controller with Marlin; its switches are at the upper ends."""

    ends: ClassVar[Sequence[float]] = TRAVEL
    controller: Controller

    def _made(self, position: tuple[float, ...], homed: Sequence[int]) -> Controller:
        return Controller(position, homed)
