"""What an agent may spend: each part of it has its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from handrail_bridge.agents.budget import Budget, Limits
from handrail_bridge.agents.memory import Memory
from handrail_bridge.agents.results import LONGEST, Result
from handrail_bridge.agents.session import CALLS, LEAST, READ, Session
from handrail_drivers.api import Effect
from handrail_drivers.errors import BudgetSpent, InvalidValue


def test_each_part_of_a_budget_has_its_end() -> None:
    now = [0.0]
    budget = Budget(Limits(turns=2, tokens=100, seconds=10.0, metres=0.1), lambda: now[0])
    budget.turn(40)
    budget.require()
    budget.moved_to((0.0, 0.0, 0.0))
    budget.moved_to((0.0, 0.001, 0.0))  # noise
    assert budget.metres == 0.0
    budget.rests()
    budget.moved_to((5.0, 0.0, 0.0))  # what others moved
    budget.moved_to((5.0, 0.0, 0.06))
    assert budget.metres == pytest.approx(0.06)
    spent = []
    for spend in (
        lambda: budget.moved_to((5.0, 0.0, 0.11)),
        lambda: budget.moved_to((5.0, 0.0, 0.11)) or now.__setitem__(0, 11.0),
        lambda: budget.turn(70),
    ):
        spend()
        with pytest.raises(BudgetSpent) as refused:
            budget.require()
        spent.append(refused.value.field)
    assert spent == ["metres", "seconds", "turns"]


@pytest.mark.parametrize("part", ["turns", "tokens", "seconds", "metres"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_budget_of_nothing_is_refused(part: str, value: float) -> None:
    with pytest.raises(InvalidValue) as refused:
        Limits(**{part: value})
    assert refused.value.field == part


async def test_what_a_model_reads_of_one_reply_has_a_bound(tmp_path: Path) -> None:
    """However much the tools say that it calls; of each it reads something."""
    memory, screen = Memory(tmp_path, "reader"), Mock()
    call = AsyncMock(return_value=Result({"read": "y" * 500_000}))
    toolset: Any = Mock(plans=(), call=call, tools={"look": Mock(effect=Effect.OBSERVE)})
    rail: Any = Mock(cell=AsyncMock(return_value=Mock(notices=())))
    session = Session(rail, toolset, (), memory, 1, Budget(Limits()), screen)
    told = [len((await session.run("look", {})).told) for _ in range(CALLS)]
    assert sum(told) < READ + (CALLS - 1) * 1.1 * LEAST
    assert min(told) > LEAST
    session.turn_over(1)
    assert len((await session.run("look", {})).told) > LONGEST
    memory.close()
