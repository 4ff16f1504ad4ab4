"""What the twin has in the place of a device that only a register map describes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from handrail_sim.section import Section


class ScaleStandIn(Section):
    """A weighing scale under a body of the world; its registers: docs/modbus.md."""

    kind: Literal["scale"]
    body: str = Field(description="of the world: the scale weighs what presses on it")
