"""What the twin has in the place of a device that only a register map describes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from handrail_sim.section import Section


class ScaleStandIn(Section):
    """A weighing scale under a body of the world; its registers: docs/modbus.md."""

    kind: Literal["scale"]
    body: str = Field(description="of the world: the scale weighs what presses on it")


class InverterStandIn(Section):
    """A frequency inverter that drives the device's joint; its registers: docs/modbus.md."""

    kind: Literal["inverter"]


StandIn = Annotated[ScaleStandIn | InverterStandIn, Field(discriminator="kind")]
