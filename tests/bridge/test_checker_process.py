"""The process that checks plans: what is wrong with its world is said at the start."""

from __future__ import annotations

import pytest
from handrail_bridge.rail.checker import CheckerProcess
from handrail_drivers.errors import InvalidCell
from handrail_sim.cell_file import load_cell


async def test_a_world_that_lacks_what_the_cell_names_ends_the_start_with_its_own_words() -> None:
    desk = load_cell("desk")
    broken = desk.model_copy(update={"arm": desk.arm.model_copy(update={"tcp": "nowhere"})})
    checker = CheckerProcess(broken)
    try:
        checker.spawn()
        with pytest.raises(InvalidCell, match="nowhere"):
            await checker.ready()
    finally:
        checker.close()
