"""What is called in this benchmark: a tool that costs nothing, so that the road is all there is."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from handrail_drivers.api import Effect, Unit, tool
from handrail_sim.cell_file import load_cell
from pydantic import BaseModel

from handrail_bridge.tools import Tools

NAME = "read_tank"
ARGUMENTS = {"names": ["level", "pressure", "temperature"]}
ARGUMENTS_JSON = json.dumps(ARGUMENTS)


class Tank(BaseModel):
    """What the instruments at a tank read."""

    time_ns: int
    level: Annotated[float, Unit("m")]
    pressure: Annotated[float, Unit("kPa")]
    temperature: Annotated[float, Unit("Cel")]
    valve: Literal["open", "closed"]
    note: str


class Instrument:
    """Answers in some 200 bytes."""

    @tool(Effect.OBSERVE)
    def read_tank(self, names: list[Literal["level", "pressure", "temperature"]]) -> Tank:
        """Read the instruments at the tank."""
        return Tank(
            time_ns=time.monotonic_ns(),
            level=1.8125,
            pressure=101.325,
            temperature=21.5,
            valve="open",
            note=f"{len(names)} wanted; last calibrated against the gauge at the tank's foot",
        )


def tools() -> Tools:
    """Return the tools of a cell with this instrument and nothing else."""
    return Tools(load_cell("desk"), Instrument(), {}, _configuring, None)


@contextlib.asynccontextmanager
async def _configuring(_what: str) -> AsyncIterator[None]:
    yield
