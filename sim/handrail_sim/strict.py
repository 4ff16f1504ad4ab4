"""What plans and predicates are made of: models that take nothing but what is meant."""

from __future__ import annotations

from typing import Annotated

from handrail_drivers.api import Unit
from pydantic import BaseModel, ConfigDict, Field

Finite = Annotated[float, Field(allow_inf_nan=False)]
Metres = Annotated[Finite, Unit("m")]
Point = Annotated[tuple[Metres, Metres, Metres], Field(description="x y z, world frame")]


class Strict(BaseModel):
    """Unknown keys are faults, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
