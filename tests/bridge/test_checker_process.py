"""The process that checks plans: what is wrong with its world is said at the start."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from handrail_bridge.rail.checker import WAITING, CheckerProcess
from handrail_drivers.errors import InvalidCell, Refused
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


class OnRequest(CheckerProcess):
    """A checker whose worker answers when the test says so; ``asked`` is what it was asked."""

    def __init__(self) -> None:
        super().__init__(load_cell("desk"))
        self.asked: list[str] = []
        self.plans: list[Any] = []
        self.answers: asyncio.Queue[Any] = asyncio.Queue()

    async def _worker(self) -> Any:
        return SimpleNamespace(send=self._take)

    def _take(self, message: Any) -> None:
        method, arguments = message
        self.asked.append(method)
        if method == "check":
            self.plans.append(arguments[0])

    async def _answer(self, *_: object) -> Any:
        return await self.answers.get()


async def test_what_holds_the_arm_is_answered_before_checks_that_wait() -> None:
    """Who sends one check after the other does not keep the operator from arming."""
    checker = OnRequest()
    nothing: Any = None
    checks = [asyncio.create_task(checker.check(nothing, nothing)) for _ in range(WAITING)]
    await asyncio.sleep(0)
    arming = asyncio.create_task(checker.hold_command((), {}))
    await asyncio.sleep(0)
    with pytest.raises(Refused, match=f"{WAITING} checks are waiting already"):
        await checker.check(nothing, nothing)
    parking = asyncio.create_task(checker.check("the operator's", nothing, ahead=True))
    await asyncio.sleep(0)
    for _ in range(3):
        checker.answers.put_nowait((0.5,))
    assert await arming == (0.5,)
    assert await parking == (0.5,)
    assert checker.asked[:3] == ["check", "hold_command", "check"]
    assert checker.plans[:2] == [None, "the operator's"]
    for _ in checks:
        checker.answers.put_nowait(None)
    await asyncio.gather(*checks)
    checker.close()
