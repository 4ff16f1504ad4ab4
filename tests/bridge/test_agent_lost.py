"""An act whose answer is lost: nobody says that it was not done, and nothing repeats it unseen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from door import NO_RAIL, Facts
from handrail_bridge.agents.agent import cut_off
from handrail_bridge.agents.budget import Budget, Limits
from handrail_bridge.agents.memory import Act, Memory
from handrail_bridge.agents.results import Result, failure
from handrail_bridge.agents.session import Session
from handrail_bridge.agents.stay import OPERATOR
from handrail_bridge.client import Client, holding, tool_calls
from handrail_bridge.loop.state import Mode
from handrail_bridge.mailbox import Mailbox
from handrail_bridge.mcp.told import told_result
from handrail_bridge.rail.audit import AuditLog
from handrail_bridge.reports import CellState, Permit, Receipt
from handrail_bridge.server.server import Server
from handrail_bridge.server.service import RailService
from handrail_bridge.tools import Tools
from handrail_drivers.api import Effect, tool
from handrail_drivers.errors import (
    BusLost,
    HandrailError,
    InvalidValue,
    ModbusIllegalValue,
    ModbusSilent,
    MotionStopped,
    NotArmed,
    NotReady,
    ProcessLost,
)
from handrail_sim.cell_file import load_cell
from scripted_model import Request, plays, reply, say, use
from stand_in_rail import HOME, StandInRail, over, state
from staying_rig import LONG_WAIT, Place, living, newest
from waiting import until_async

SILENT = ProcessLost("The bridge did not answer within 15 s.")
DISPENSE = {"tool": "pump_dispense"}


class Pump:
    """A device that takes longer than a client waits."""

    def __init__(self) -> None:
        self.begun = 0
        self.fault: HandrailError | None = None
        self.go = asyncio.Event()

    @tool(Effect.CONFIGURE)
    async def dispense(self) -> dict[str, float]:
        """Give 5 mL."""
        self.begun += 1
        await self.go.wait()
        if self.fault:
            raise self.fault
        return {"volume": 5.0}


class Leaving(StandInRail):
    """A bridge that leaves while a plan moves, or refuses it before."""

    def __init__(self, ends: HandrailError, watched: bool = True) -> None:
        super().__init__()
        self._ends = ends
        self._watched = watched

    async def execute(
        self, plan: Mapping[str, Any], permit: Permit
    ) -> AsyncGenerator[CellState | Receipt, None]:
        if not isinstance(self._ends, NotArmed):
            yield state(Mode.MOVING)
        if self._watched:
            raise self._ends
        await asyncio.Event().wait()

    async def watch(self, _: float) -> AsyncGenerator[CellState, None]:
        yield state(Mode.MOVING)
        if not self._watched:
            raise self._ends
        await asyncio.Event().wait()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    memory = Memory(tmp_path, "ada")
    yield memory
    memory.close()


@pytest.fixture
def pump() -> Pump:
    return Pump()


@pytest.fixture
async def bridge(tmp_path: Path, pump: Pump) -> AsyncIterator[Client]:
    """A client of a bridge with a pump."""
    cell, mailbox = load_cell("desk"), Mailbox(tmp_path)
    tools = Tools(cell, Facts(), {"pump": pump}, lambda _: contextlib.nullcontext(), None)
    rail: Any = SimpleNamespace(cell=cell, situation=SimpleNamespace(digest=""))
    server = Server(RailService(rail, tools, {}, tuple), NO_RAIL, mailbox)
    await server.start("127.0.0.1:0", tmp_path / "operator")
    async with Client.connect(server.address) as client:
        yield client
    pump.go.set()
    await server.close()
    mailbox.close()


async def session_of(rail: Any, memory: Memory) -> Session:
    screen: Any = SimpleNamespace(answered=lambda _: None, progress=lambda _: None)
    episode = memory.begin_episode()
    return Session(rail, await over(rail), (), memory, episode, Budget(Limits()), screen)


async def run_home(session: Session) -> Result:
    checked = await session.run("plan_check", HOME)
    return await session.run("plan_run", {"plan": checked.data["plan"]})


def only(memory: Memory) -> Act:
    (act,) = memory.acts(1)
    return act


async def test_what_takes_longer_than_a_client_waits_is_not_called_undone(
    bridge: Client, pump: Pump, memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool_calls, "ANSWER", 0.05)
    session = await session_of(Client.connect(bridge.address), memory)
    lost = await session.run("configure", DISPENSE)
    assert lost.data["unknown"]["message"].startswith("Nobody knows whether it was done")
    assert (lost.failed, lost.refused) == (True, False)
    assert memory.uncertain() == [only(memory)]
    assert only(memory).became == "nobody knows whether it was done"
    again = await session.run("configure", DISPENSE)
    assert again.data["refused"]["hint"].startswith("look first")
    assert pump.begun == 1, "it dispensed twice"
    pump.go.set()
    assert not (await session.run("look", {})).failed
    assert memory.uncertain() == []
    assert "looked at afterwards" in only(memory).outcome
    assert not (await session.run("configure", DISPENSE)).failed


@pytest.mark.parametrize("ends", [SILENT, MotionStopped("The call was cancelled.")])
@pytest.mark.parametrize("watched", [True, False])
async def test_a_motion_whose_bridge_left_is_asked_the_log_about(
    memory: Memory, tmp_path: Path, ends: HandrailError, watched: bool
) -> None:
    session = await session_of(Leaving(ends, watched), memory)
    assert (await run_home(session)).unknown
    assert (await run_home(session)).refused, "it went on without a look"
    log = AuditLog(tmp_path)
    log.append("execute", id="r1", plan_digest="plan")
    log.close()
    (told,) = cut_off(memory.uncertain(), log.path).values()
    assert told.endswith("it began to move, and not how it ended")


async def test_what_is_known_not_to_have_moved_is_a_refusal(memory: Memory) -> None:
    session = await session_of(Leaving(NotArmed("The cell is disarmed.")), memory)
    assert (await run_home(session)).data["refused"]["code"] == "not_armed"
    assert only(memory).became.startswith("not done: not_armed")


@pytest.mark.parametrize(
    ("fault", "known"),
    [
        (ModbusSilent("The unit did not answer."), False),
        (ModbusIllegalValue("The unit does not take 5."), False),  # the second register, perhaps
        (BusLost("The port is gone."), False),
        (NotReady("It warms up."), True),
        (InvalidValue("5 is too much."), True),
    ],
)
async def test_what_a_device_did_not_answer_may_have_been_done(
    bridge: Client, pump: Pump, memory: Memory, fault: HandrailError, known: bool
) -> None:
    session = await session_of(bridge, memory)
    pump.fault = fault
    pump.go.set()
    assert (await session.run("configure", DISPENSE)).refused == known
    assert (memory.uncertain() == []) == known


async def test_a_fault_of_ours_may_have_come_after_the_act(
    bridge: Client, pump: Pump, memory: Memory
) -> None:
    session = await session_of(bridge, memory)
    tool = session._toolset.tools["configure"]

    async def fails(*_: object) -> Result:
        raise ZeroDivisionError("a bug")

    session._toolset.tools["configure"] = replace(tool, act=fails)
    assert (await session.run("configure", DISPENSE)).unknown
    assert memory.uncertain() == [only(memory)]
    assert (await session.run("configure", DISPENSE)).refused, "it went on without a look"


async def test_what_is_set_up_goes_on_though_its_call_was_cancelled(
    bridge: Client, pump: Pump, memory: Memory
) -> None:
    session = await session_of(bridge, memory)
    calling = asyncio.create_task(session.run("configure", DISPENSE))
    await until_async(lambda: pump.begun == 1, LONG_WAIT)
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    assert memory.uncertain() == [only(memory)], "somebody claims to know"


async def test_a_lease_that_is_not_answered_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "ANSWER", 0.01)
    request: Any = SimpleNamespace(wait_s=0.0)
    deaf: Any = SimpleNamespace(write=lambda _: asyncio.Event().wait(), cancel=lambda: None)
    with pytest.raises(ProcessLost, match="within"):
        async with holding.held(deaf, request):
            pass


def test_a_client_of_mcp_reads_it_as_an_error() -> None:
    told = told_result(failure(SILENT))
    assert told.is_error
    assert told.structured_content is None, "a tool's output schema says otherwise"


# -- asleep and awake ----------------------------------------------------------------------------


async def test_a_wake_stays_open_until_somebody_has_looked(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model says that it is done, and its mail's answer was lost."""
    monkeypatch.setattr("handrail_bridge.agents.wakes.RETRY", 0.01)
    loses(monkeypatch)
    report = reply(use("mail_send", to="ann", text="Three."))
    read = reply(use("mail_list", everybody=True, after=99))
    script = plays(report, reply(say("Done.")), read, reply(say("Bye.")))
    async with living(place, script, "careful") as life:
        await life.rail.send_mail("ann", "careful", "How many cubes?")
        await until_async(lambda: len(life.api.requests) == 4, LONG_WAIT)
        await life.slept()
        assert len(life.api.requests) == 4, "it woke again though it had looked"
        assert '"unknown"' in life.api.requests[1].said
        opened = life.api.requests[2].said
        assert "How many cubes?" in opened
        assert 'Three."}: nobody knows whether it was done' in opened


async def test_who_never_looks_tells_the_operator_what_nobody_knows(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handrail_bridge.agents.wakes.RETRY", 0.01)
    loses(monkeypatch)
    before = await newest(place)

    def script(request: Request) -> Any:
        report = use("mail_send", to="ann", text="Three.")
        return reply(say("Done.")) if request.turn else reply(report)

    async with living(place, script, "careless") as life:
        await life.rail.send_mail("bob", "careless", "How many cubes?")
        mail = await life.answer(OPERATOR, before)
        assert "nobody knows what became of mail_send" in mail.text
        await life.slept()
        assert len(life.api.requests) == 6


def loses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer comes to a mail to ann."""
    send = Client.send_mail

    async def sent(self: Client, sender: str, recipient: str, *more: Any) -> Any:
        mail = await send(self, sender, recipient, *more)
        if recipient == "ann":
            raise SILENT
        return mail

    monkeypatch.setattr(Client, "send_mail", sent)
