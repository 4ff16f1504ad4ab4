"""A cell that goes from module to module, since a twin and a bridge take ten seconds to start."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable
from typing import NamedTuple, Self

from handrail_drivers.errors import HandrailError
from running_cell import RunningCell
from waiting import until

NEAR = 0.003  # m: where a thing still lies as it lay
HOME = [
    {"tool": "arm_home"},
    {"tool": "arm_move_joints", "positions": {"gripper": 0.0}},  # where a new twin has the jaw
]
Place = tuple[float, float]  # m


class Things(NamedTuple):
    """Where the world has the objects, and whence the bridge knows of them."""

    lie: dict[str, Place]
    known: dict[str, str]


class SharedCell:
    """A running cell, as every module finds it; ``begin`` starts its twin. A context manager."""

    def __init__(self, begin: Callable[[], contextlib.AbstractContextManager[RunningCell]]) -> None:
        self._begin = begin
        self._life = contextlib.ExitStack()
        self._cell: RunningCell | None = None
        self._first = Things({}, {})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._life.close()

    def as_at_first(self) -> RunningCell:
        """Armed and at home, every thing where it lay first; a new cell where it is not so."""
        if self._cell is None or not self._was_tidied(self._cell):
            self._life.close()
            self._cell = self._life.enter_context(self._begin())
            self._cell.up()
            self._first = asyncio.run(tidied(self._cell, {}))
        return self._cell

    def _was_tidied(self, cell: RunningCell) -> bool:
        """Tidy it up; where that cannot be done, end its bridge, whatever holds it."""
        try:
            if cell.bridge is None:
                cell.up()
            now = asyncio.run(tidied(cell, self._first.lie))
            for name, place in self._first.lie.items():
                assert math.dist(now.lie[name], place) < NEAR, f"{name} lies elsewhere"
            assert now.known == self._first.known
        except (HandrailError, AssertionError, OSError) as why:
            print(f"A new cell is begun, since the last module left this one so: {why!r}")
            cell.close()
            return False
        return True


async def tidied(cell: RunningCell, lay: dict[str, Place]) -> Things:
    """Bring the arm home, its jaw closed, and things back where they lay; return what is so then.

    Raises:
        HandrailError: it cannot be moved.
        AssertionError: somebody holds it, or something is gone.
    """
    await cell.arm()
    async with cell.operator() as operator, operator.lease("tidy"):
        receipt = await operator.run({"steps": HOME})
        assert receipt.completed, receipt.reason
    for name, place in lay.items():
        if math.dist(where_things_lie(cell)[name], place) > NEAR:
            cell.truth.put(name, *place)
    await asyncio.to_thread(until, cell.stands)
    async with cell.agent() as rail:
        state = await rail.state()
        assert not state.leases, state.leases
        gone = [one for one in (await rail.cell()).notices if "not connected" in one]
        assert not gone, gone
        seen = (await rail.call("look"))["objects"]
    return Things(where_things_lie(cell), {name: one["source"] for name, one in seen.items()})


def where_things_lie(cell: RunningCell) -> dict[str, Place]:
    """Where the world has the objects."""
    things = cell.truth.snapshot()["objects"]
    return {name: (thing["position"][0], thing["position"][1]) for name, thing in things.items()}
