"""A cell that wants a person: nothing moves until one has looked, by the command line too."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from handrail_bridge.client import Client
from handrail_bridge.client.operator_client import OperatorClient
from handrail_bridge.rail.audit import NAME, read
from handrail_bridge.reports import Card, Decision, Receipt
from handrail_drivers.errors import PermitRefused
from running_cell import RunningCell
from waiting import until_async

OPEN, SHUT = ({"steps": [{"tool": "gripper_set", "gap": gap}]} for gap in (0.04, 0.01))


async def asked(operator: OperatorClient) -> Card:
    cards: list[Card] = await until_async(operator.cards)
    return cards[0]


async def decided(cell: RunningCell, rail: Client, plan: dict[str, Any], approve: bool) -> Receipt:
    """Run a plan as an agent, and answer its card as the operator."""
    await until_async(cell.stands)
    before = cell.joints()
    running = asyncio.create_task(rail.run(plan))
    async with cell.operator() as operator:
        card = await asked(operator)
        assert cell.joints() == pytest.approx(before, abs=0.02), "it moved before anybody looked"
        said = Decision(card.number, card.trajectory_digest, approve, "Ada", "not now")
        await operator.decide(said)
    return await running


async def test_an_approved_plan_moves_and_its_receipt_names_who(cell: RunningCell) -> None:
    before = cell.position("gripper")
    async with cell.armed() as rail:
        receipt = await decided(cell, rail, OPEN, approve=True)
    assert receipt.completed, receipt.reason
    assert receipt.approver == "Ada"
    assert cell.position("gripper") > before + 0.1, "it did not open"
    entries = read(cell.folder / "handrail" / "desk" / NAME, 4)
    assert [entry.event for entry in entries] == ["asked", "decided", "execute", "receipt"]
    assert entries[1].body["approver"] == "Ada"


async def test_a_refused_plan_does_not_move_and_says_who_refused(cell: RunningCell) -> None:
    before = cell.joints()
    async with cell.armed() as rail:
        with pytest.raises(PermitRefused, match="was refused by Ada: not now"):
            await decided(cell, rail, SHUT, approve=False)
    assert cell.joints() == pytest.approx(before, abs=0.02)


async def test_a_stop_ends_the_waiting(cell: RunningCell) -> None:
    async with cell.armed() as rail, cell.operator() as operator:
        running = asyncio.create_task(rail.run(SHUT))
        await asked(operator)
        await rail.stop("enough")
        with pytest.raises(PermitRefused, match="killed by a stop"):
            await running
        assert await operator.cards() == []


async def test_an_agent_cannot_pass_by_the_person(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        check = await rail.check(SHUT)
        assert check.permit is not None
        assert check.permit.asks
        with pytest.raises(PermitRefused, match="waits for a person"):
            async for _ in rail.execute(SHUT, check.permit):
                pass
        async with cell.operator() as operator:
            card = await asked(operator)
            with pytest.raises(PermitRefused, match="another motion"):
                await operator.decide(Decision(card.number, "0" * 64, True, "Ada"))
            await operator.decide(Decision(card.number, card.trajectory_digest, False, "Ada"))


async def test_the_operators_own_request_waits_for_nobody(cell: RunningCell) -> None:
    await cell.arm()
    async with cell.operator() as operator, operator.lease("operator"):
        receipt = await operator.run(SHUT)
    assert receipt.completed
    assert "operator" in receipt.approver


async def test_approving_by_command_line(cell: RunningCell, tmp_path: Any) -> None:
    picture = tmp_path / "motion.svg"
    async with cell.armed() as rail:
        running = asyncio.create_task(rail.run(OPEN))
        listed = await asyncio.to_thread(cell.cli, "approve", "--wait", "20", "--json")
        (card,) = json.loads(listed.stdout)
        assert card["asks"] == ["Step 0 is gripper_set, which needs approval."]
        said = await asyncio.to_thread(
            cell.cli, "approve", str(card["number"]), "--yes", "--picture", str(picture)
        )
        assert said.returncode == 0, said
        assert "why you are asked" in said.stdout
        assert "approved" in said.stdout
        assert (await running).completed
    assert picture.read_text().startswith("<svg")


async def test_a_devices_tool_waits_for_the_command_line(cell: RunningCell) -> None:
    async with cell.agent() as rail:
        calling = asyncio.create_task(rail.call("red_scale_set_tared", value=False))
        listed = await asyncio.to_thread(cell.cli, "approve", "--wait", "20", "--json")
        (card,) = json.loads(listed.stdout)
        assert card["steps"][1:] == ["value = false"]
        assert not calling.done()
        said = await asyncio.to_thread(cell.cli, "approve", str(card["number"]), "--yes")
        assert "No check has tried it" in said.stdout
        assert "is drawn in" not in said.stdout
        await calling
    entries = read(cell.folder / "handrail" / "desk" / NAME, 10)
    assert [entry.event for entry in entries][-5:] == ["asked", "decided", "note", "call", "called"]
