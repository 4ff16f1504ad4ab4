"""A tool of a device that needs a person: nothing is called before one has looked, by any road."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from handrail_bridge.client import Client
from handrail_bridge.rail.grants import CallGrant
from handrail_bridge.rail.permits import WAITING
from handrail_bridge.reports import Decision
from handrail_bridge.tools import Tools
from handrail_drivers.errors import (
    DeviceFault,
    InvalidRequest,
    InvalidValue,
    PermitRefused,
    Refused,
    UnknownName,
)
from handrail_sim.demands import Approval
from held_rig import DESK, NEEDS, Held, asked, serving

ASKED = "Every call of valve_set_pressure needs approval."


@pytest.fixture
def patience() -> float:
    return 20.0


@pytest.fixture
async def held(tmp_path: Path, patience: float) -> AsyncIterator[Held]:
    async with serving(tmp_path, patience) as found:
        yield found


async def decided(held: Held, approve: bool, pressure: float = 2.0) -> Any:
    """Call as an agent, and answer as the operator; nothing may be done before that."""
    async with held.agent() as agent, held.operator() as operator:
        calling = asyncio.create_task(agent.call("valve_set_pressure", pressure=pressure))
        card = await asked(operator)
        assert held.valve.done == []
        await operator.decide(Decision(card.number, card.trajectory_digest, approve, "Ada", "no"))
        return await calling


async def test_an_approved_call_is_made_once_and_written_down(held: Held) -> None:
    assert await decided(held, approve=True) == 2.0
    assert held.valve.done == [2.0]
    log = held.log()
    assert [entry.event for entry in log] == ["asked", "decided", "call", "called"]
    assert log[2].body["tool"] == "valve_set_pressure"
    assert json.loads(log[2].body["arguments"]) == {"pressure": 2.0, "why": ""}
    assert (log[2].body["approver"], log[3].body["error"]) == ("Ada", None)
    assert log[1].body["trajectory_digest"] == log[0].body["call_digest"]
    assert len(held.configured) == 1, "it configures as an unguarded tool would"


async def test_a_refused_call_is_not_made(held: Held) -> None:
    with pytest.raises(PermitRefused, match="was refused by Ada: no"):
        await decided(held, approve=False)
    assert held.valve.done == held.configured == []
    assert [entry.event for entry in held.log()] == ["asked", "decided"]


async def test_what_the_device_refuses_is_written_down_too(held: Held) -> None:
    with pytest.raises(DeviceFault):
        await decided(held, approve=True, pressure=9.5)
    assert "It leaks" in held.log()[-1].body["error"]["message"]


async def test_an_answer_that_is_no_number_is_written_down_as_what_became_of_it(held: Held) -> None:
    with pytest.raises(DeviceFault, match="was called, and its answer has no number"):
        await decided(held, approve=True, pressure=8.5)
    assert held.valve.done == [8.5]
    assert held.log()[-1].body["error"]["value"] == "nan"


@pytest.mark.parametrize("patience", [0.2])
async def test_nobody_there_means_no(held: Held) -> None:
    async with held.agent() as agent:
        with pytest.raises(PermitRefused, match="nobody answered within"):
            await agent.call("valve_set_pressure", pressure=2.0)
    assert held.valve.done == []


@pytest.mark.parametrize("name", NEEDS)
async def test_no_road_leads_past_the_person(held: Held, name: str) -> None:
    arguments = {"pressure": 2.0} if name == NEEDS[0] else {}
    async with held.agent() as agent:
        permit = await agent.propose(name, arguments)
        with pytest.raises(PermitRefused, match="waits for a person"):
            await agent.call_permitted(name, arguments, permit)
        for calling in (
            agent._calls.call(name, json.dumps(arguments)),  # the stream
            held.tools.call(name, json.dumps(arguments)),
        ):
            with pytest.raises(PermitRefused, match="needs a person's approval") as refused:
                await calling
            assert "ProposeCall" in refused.value.hint
    assert held.valve.done == held.configured == []


async def approved(held: Held, agent: Client, **arguments: Any) -> Any:
    permit = await agent.propose("valve_set_pressure", arguments)
    async with held.operator() as operator:
        card = await asked(operator)
        await operator.decide(Decision(card.number, card.trajectory_digest, True, "Ada"))
    return await agent.approval(permit)


async def test_a_permit_is_for_one_call_with_these_values(held: Held) -> None:
    async with held.agent() as agent:
        permit = await approved(held, agent, pressure=2.0)
        for name, arguments in (
            ("valve_set_pressure", {"pressure": 2.1}),
            ("valve_set_pressure", {"pressure": 2.0, "why": "!"}),
            ("valve_purge", {}),
        ):
            with pytest.raises(PermitRefused, match="something else than this call"):
                await agent.call_permitted(name, arguments, permit)
        await agent.call_permitted("valve_set_pressure", {"pressure": 2.0, "why": ""}, permit)
        with pytest.raises(PermitRefused, match="spent"):
            await agent.call_permitted("valve_set_pressure", {"pressure": 2.0}, permit)
    assert held.valve.done == [2.0]


async def test_a_permit_for_a_call_moves_no_arm(held: Held) -> None:
    async with held.agent() as agent:
        permit = await approved(held, agent, pressure=2.0)
    with pytest.raises(PermitRefused, match="for a call of a tool"):
        held.permits.examine(permit.id, "", held.situation.present())


async def test_a_stop_kills_it_approved_or_not(held: Held) -> None:
    async with held.agent() as agent:
        permit = await approved(held, agent, pressure=2.0)
        held.situation.stops += 1
        with pytest.raises(PermitRefused, match="killed by a stop"):
            await agent.call_permitted("valve_set_pressure", {"pressure": 2.0}, permit)
    assert held.valve.done == []


async def test_a_stop_while_it_is_written_down_comes_in_time(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = held.receipts.calling

    def slowly(grant: CallGrant) -> None:
        write(grant)
        held.situation.stops += 1

    monkeypatch.setattr(held.receipts, "calling", slowly)
    async with held.agent() as agent:
        permit = await approved(held, agent, pressure=2.0)
        with pytest.raises(PermitRefused, match="killed by a stop"):
            await agent.call_permitted("valve_set_pressure", {"pressure": 2.0}, permit)
    assert held.valve.done == []
    assert "killed by a stop" in held.log()[-1].body["error"]["message"]


async def test_what_cannot_be_written_down_is_not_done(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise Refused("The disk is full.")

    async with held.agent() as agent:
        permit = await approved(held, agent, pressure=2.0)
        monkeypatch.setattr(held.receipts, "calling", full)
        with pytest.raises(Refused, match="disk is full"):
            await agent.call_permitted("valve_set_pressure", {"pressure": 2.0}, permit)
        monkeypatch.setattr(held.receipts, "asked_for_call", full)
        with pytest.raises(Refused, match="disk is full"):
            await agent.propose("valve_set_pressure", {"pressure": 2.0})
    assert held.valve.done == []


async def test_the_operators_own_request_is_approved(held: Held) -> None:
    async with held.operator() as operator:
        assert await operator.call("valve_set_pressure", pressure=2.0) == 2.0
        assert await operator.cards() == []
    assert "operator" in held.log()[1].body["approver"]


async def test_the_person_sees_what_the_call_does_and_nothing_hidden(held: Held) -> None:
    async with held.agent() as agent, held.operator() as operator:
        await agent.propose("valve_set_pressure", {"pressure": 2, "why": "\u202eharmless"})
        card = await asked(operator)
    assert card.question == "May the device 'valve' of the cell 'desk' do this?"
    assert card.steps == (
        "call valve_set_pressure of the device 'valve'",
        "pressure = 2.0 bar",
        'why = "\\u202eharmless"',
    )
    assert card.asks == (ASKED,)
    assert any("No check has tried it" in sentence for sentence in card.margins)


async def test_what_nobody_would_read_is_not_asked(held: Held) -> None:
    async with held.agent() as agent, held.operator() as operator:
        with pytest.raises(InvalidRequest, match="nobody reads so much"):
            await agent.propose("valve_set_pressure", {"pressure": 2, "why": "x" * 1000})
        with pytest.raises(InvalidValue):
            await agent.propose("valve_set_pressure", {"pressure": "much"})
        with pytest.raises(Refused, match="needs no approval"):
            await agent.propose("valve_read_pressure", {})
        assert await operator.cards() == []


async def test_only_so_many_wait(held: Held) -> None:
    async with held.agent() as agent:
        for _ in range(WAITING):
            await agent.propose("valve_purge", {})
        with pytest.raises(Refused, match="wait for a person already"):
            await agent.propose("valve_purge", {})
    assert len(held.log()) == WAITING, "or who asks in vain would fill the disk"


async def test_agents_are_told_and_others_are_called_as_ever(held: Held) -> None:
    async with held.agent() as agent:
        assert await agent.call("valve_read_pressure") == 1.0
        told = {name: one.needs_approval for name, one in (await agent.tools()).items()}
    assert {name for name, needs in told.items() if needs} == set(NEEDS)


def test_a_name_that_nobody_has_guards_nothing(held: Held) -> None:
    asking = Approval(tools=("valve_purg", "arm_home", "tower_set_lamp"))
    cell = DESK.model_copy(update={"approval": asking})
    tools = Tools(cell, object(), {"valve": held.valve}, contextlib.nullcontext, None)
    assert tools.unlisted() == ("valve_purg", "tower_set_lamp")
    with pytest.raises(UnknownName, match="valve_purg"):
        tools.require_named({"tower"})
    tools.require_named({"tower", "valve"})  # which may say later that they have it


async def test_where_nobody_can_be_asked_nothing_is_called(held: Held) -> None:
    cell = DESK.model_copy(update={"approval": Approval(tools=NEEDS)})
    tools = Tools(cell, object(), {"valve": held.valve}, contextlib.nullcontext, None)
    with pytest.raises(Refused, match="nobody can be asked"):
        await tools.call("valve_purge", "{}")
    assert held.valve.done == []
