"""A gantry's Grbl controller with its steppers and limit switches. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from handrail_drivers.grbl.words import State

from handrail_sim.twin.gcode_machine import GcodeMachine
from handrail_sim.twin.grbl_controller import Controller


class Grbl(GcodeMachine):
    """A controller with Grbl; its switches are at 0."""

    ends: ClassVar[Sequence[float]] = (0.0, 0.0, 0.0)
    controller: Controller

    def _made(self, position: tuple[float, ...], homed: Sequence[int]) -> Controller:
        return Controller(position, homed, State.IDLE)
