"""What every part of a cell file is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Vector = tuple[float, float, float]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Section(BaseModel):
    """A part of the cell file: unknown keys and non-finite numbers are faults."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
