"""A call that needs a person, asked for at an MCP client: the person answers there, or nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from handrail_bridge.agents.toolset import ToolSet
from handrail_bridge.mcp.approval import Person, Question
from handrail_bridge.mcp.server import McpServer
from handrail_bridge.rail.approvals import Approvals
from handrail_bridge.reports import Decision
from handrail_drivers.errors import NotPermittedRole, PermitRefused, UnknownName
from held_rig import DESK, NEEDS, Held, asked, serving
from mcp.client import Client as McpClient
from mcp_types import ElicitResult
from stand_in_rail import CARD
from waiting import LIMIT

CALLS = {
    False: ("configure", {"tool": "valve_set_pressure", "arguments": {"pressure": 2.0}}),
    True: ("valve_set_pressure", {"pressure": 2.0}),
}


@pytest.fixture
async def held(tmp_path: Path) -> AsyncIterator[Held]:
    async with serving(tmp_path, 3 * LIMIT) as found:
        yield found


@pytest.mark.parametrize(
    ("protocol", "each", "approve"),
    [
        ("auto", False, True),
        ("legacy", True, True),
        ("auto", True, False),
        ("legacy", False, False),
    ],
)
async def test_the_person_at_an_mcp_client_is_asked(
    held: Held, protocol: str, each: bool, approve: bool
) -> None:
    seen: list[str] = []

    async def answer(_: Any, params: Any) -> ElicitResult:
        seen.append(params.message)
        assert held.valve.done == []
        return ElicitResult(action="accept", content={"approve": approve})

    async with held.agent() as rail, held.operator() as operator:
        server = McpServer(await ToolSet.of(rail, "me", each), Person(operator)).sdk
        async with McpClient(server, mode=protocol, elicitation_callback=answer) as one:  # type: ignore[arg-type]
            name, arguments = CALLS[each]
            given = await one.call_tool(name, arguments)
    assert len(seen) == 1
    assert "pressure = 2.0 bar" in seen[0]
    assert given.is_error != approve
    assert held.valve.done == ([2.0] if approve else [])
    if approve:
        told = {"result": 2.0}
        whole = told if each else {"tool": NEEDS[0], "result": told}
        assert given.structured_content == whole
    assert held.log()[1].body["road"] == "elicitation"


async def test_a_client_that_cannot_ask_means_no_until_the_operator_has_said_yes(
    held: Held,
) -> None:
    name, arguments = CALLS[True]
    async with held.agent() as rail, held.operator() as operator:
        server = McpServer(await ToolSet.of(rail, "me", each=True), Person(operator)).sdk
        async with McpClient(server) as one:
            refused = await one.call_tool(name, arguments)
            assert refused.is_error
            assert held.valve.done == []
            card = await asked(operator)
            await operator.decide(Decision(card.number, card.trajectory_digest, True, "Ada"))
            assert not (await one.call_tool(name, arguments)).is_error
    assert held.valve.done == [2.0], "the same call ran what was approved, and asked no second time"


async def test_a_no_at_the_client_counts_though_the_operator_has_said_yes(held: Held) -> None:
    async with held.agent() as rail, held.operator() as operator:

        async def answer(_: Any, __: Any) -> ElicitResult:
            card = await asked(operator)
            await operator.decide(Decision(card.number, card.trajectory_digest, True, "Ada"))
            return ElicitResult(action="decline")

        server = McpServer(await ToolSet.of(rail, "me", each=True), Person(operator)).sdk
        async with McpClient(server, elicitation_callback=answer) as one:
            refused = await one.call_tool(*CALLS[True])
    assert "permit_refused" in str(refused.content)
    assert held.valve.done == []
    said = [entry.body["approve"] for entry in held.log() if entry.event == "decided"]
    assert said == [True, False]


@pytest.mark.parametrize("approve", [True, False])
async def test_the_operators_word_ends_the_question_at_the_client(
    held: Held, approve: bool
) -> None:
    closed = asyncio.Event()
    async with held.agent() as rail, held.operator() as operator:

        async def answer(_: Any, __: Any) -> ElicitResult:
            card = await asked(operator)
            await operator.decide(Decision(card.number, card.trajectory_digest, approve, "Ada"))
            try:
                return await asyncio.Future()  # nobody sits there
            finally:
                closed.set()

        server = McpServer(await ToolSet.of(rail, "me", each=True), Person(operator)).sdk
        async with McpClient(server, mode="legacy", elicitation_callback=answer) as one:
            done = await asyncio.wait_for(one.call_tool(*CALLS[True]), LIMIT)
            await closed.wait()
    assert done.is_error != approve
    assert held.valve.done == ([2.0] if approve else [])


async def test_a_no_that_comes_too_late_is_no_yes() -> None:
    async def gone(_: Decision) -> None:
        raise UnknownName("approval", "7", (), "number")

    operator: Any = SimpleNamespace(decide=gone)
    context: Any = SimpleNamespace(session=SimpleNamespace(client_params=None))
    question = Question(CARD, "plan-1", "plan_run", "{}")
    yes = ElicitResult(action="accept", content={"approve": True})
    await Person(operator).decided(question, yes, context)  # whoever waits is told what is so
    with pytest.raises(PermitRefused, match="said no"):
        await Person(operator).decided(question, ElicitResult(action="decline"), context)


async def test_a_closed_road_stays_closed_for_calls(held: Held) -> None:
    closed = Approvals(DESK, held.situation, held.permits, held.receipts)
    with pytest.raises(NotPermittedRole):
        await closed.decide(Decision(1, "call", True, "Ada", road="elicitation"))
