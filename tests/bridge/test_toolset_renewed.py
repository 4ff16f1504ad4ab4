"""A board is flashed while an agent works: its new tools appear, its old ones are refused."""

from __future__ import annotations

import pytest
from handrail_bridge.agents.results import Result
from stand_in_rail import StandInRail, listed, over


def is_unknown(answer: Result) -> bool:
    return answer.refused and answer.data["refused"]["code"] == "unknown_name"


@pytest.fixture
async def rail() -> StandInRail:
    return StandInRail()


async def test_new_tools_are_told_and_taken(rail: StandInRail) -> None:
    tools = await over(rail)
    assert is_unknown(await tools.call("read", {"tool": "scale_1_read_weight"}))
    rail.has = listed(scales=2)
    answer = await tools.call("read", {"tool": "scale_1_read_weight"})
    assert answer.data["result"] == {"answer": "scale_1_read_weight"}
    assert "scale_1_tare" in (await tools.call("cell_describe", {})).data["tools"]
    assert "scale_1_tare" in tools.tools["configure"].input_schema["properties"]["tool"]["enum"]


async def test_with_a_tool_for_each_operation_too(rail: StandInRail) -> None:
    each = await over(rail, each=True)
    rail.has = listed(scales=2)
    assert (await each.call("scale_1_tare", {})).data == {"answer": "scale_1_tare"}


async def test_what_is_gone_is_refused_once_the_list_is_asked_again(rail: StandInRail) -> None:
    rail.has = listed(scales=2)
    tools = await over(rail)
    rail.has = listed()
    await tools.renew()
    assert is_unknown(await tools.call("configure", {"tool": "scale_1_tare"}))
