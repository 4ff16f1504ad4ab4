"""``handrail agent``: a language model at the cell's tools, for one task or to stay."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from handrail_drivers.errors import HandrailError, InvalidRequest, Refused

from handrail_bridge import run_dir
from handrail_bridge.agents.agent import Agent, Ended, Task
from handrail_bridge.agents.budget import Limits
from handrail_bridge.agents.memory import Memory
from handrail_bridge.agents.own_tools import Asking, Mailing
from handrail_bridge.agents.prompts import RAIL, TERMINAL
from handrail_bridge.agents.stay import Stay
from handrail_bridge.agents.toolset import require_movers
from handrail_bridge.agents.wakes import Wakes
from handrail_bridge.cli import reach
from handrail_bridge.cli.output import Json, console, emit, escape
from handrail_bridge.cli.reach import OfCell
from handrail_bridge.cli.screen import Terminal
from handrail_bridge.client import Client
from handrail_bridge.pilot.sorting import Event, Log, Pilot

if TYPE_CHECKING:
    from handrail_bridge.agents.claude import Claude

T = TypeVar("T")
Employed = contextlib.AbstractAsyncContextManager[tuple[Agent, Client]]
UNHEARD = 2.0  # s that a bridge has to take a stop, before its loops get a signal
INTERRUPTED = 130  # exit status, as a shell expects it


def agent(
    task: Annotated[str, typer.Argument(help="what to do, in your words")] = "",
    stay: Annotated[bool, typer.Option("--stay", help="stay, and wake by itself")] = False,
    pilot: Annotated[bool, typer.Option("--pilot", help="the scripted pilot: no model")] = False,
    name: Annotated[str, typer.Option(help="of the agent, its memory and its lease")] = "agent",
    devices: Annotated[str, typer.Option(help="which it may move, with commas; none: all")] = "",
    turns: Annotated[int, typer.Option(help="replies of the model at most")] = 60,
    tokens: Annotated[int, typer.Option(help="sent and received at most")] = 1_000_000,
    seconds: Annotated[float, typer.Option(help="at most")] = 1800.0,
    metres: Annotated[float, typer.Option(help="that the TCP may travel")] = 50.0,
    day: Annotated[int, typer.Option(help="tokens in a day, with --stay")] = 5_000_000,
    of_cell: OfCell = None,
    as_json: Json = False,
) -> None:
    """Let a language model work at the running cell.

    Key and model come from ANTHROPIC_API_KEY and HANDRAIL_MODEL. What it may spend counts for one
    task, with --stay for each wake. Ctrl-C stops the arm first. Exits 1 where a budget, the model
    or a stop ended it.
    """
    if pilot:
        return _sort(of_cell, as_json)
    if not task and not stay:
        raise InvalidRequest('Say what to do: handrail agent "put the red cube in the left bin".')
    limits = Limits(turns, tokens, seconds, metres)
    named = tuple(part.strip() for part in devices.split(",") if part.strip())
    worker = _employed(name, named, of_cell)
    if stay:
        return asyncio.run(_stay(worker, named, task, limits, day))
    ended = asyncio.run(_once(worker, task, limits))
    emit(_told(ended), as_json, lambda _: _show(ended))
    raise typer.Exit(0 if ended.done else 1)


async def _once(employed: Employed, task: str, limits: Limits) -> Ended:
    screen = Terminal()
    async with employed as (worker, rail):
        own = (Asking(screen.ask), Mailing(rail, worker.name))
        job = Task(f"{RAIL}\n{TERMINAL}", task, own)
        ended = await _until_ctrl_c(worker, rail, worker.work(job, limits, screen))
    screen.end()
    return ended


async def _stay(
    employed: Employed, devices: tuple[str, ...], goal: str, limits: Limits, day: int
) -> None:
    screen = Terminal()
    async with employed as (worker, rail):
        await require_movers(rail, devices)  # or it would try for ever
        if goal and not Wakes(worker.memory).give(goal):
            screen.said("This goal was given before; mail it to have it done again.\n")
        place = f"{worker.name} stays at {worker.bridge.cell}"
        hint = f'mail wakes it: handrail mail send {worker.name} "..."'
        screen.said(f"{place}; open goals: {len(worker.memory.goals())}; {hint}\n")
        await _until_ctrl_c(worker, rail, Stay(worker, limits, day, screen).run())


@contextlib.asynccontextmanager
async def _employed(
    name: str, devices: tuple[str, ...], of_cell: str | None
) -> AsyncIterator[tuple[Agent, Client]]:
    """An agent at the running cell, and a client beside its own that stops things."""
    model = _model()
    bridge = run_dir.running(of_cell)
    memory = Memory(run_dir.state_dir(bridge.cell), name)
    try:
        async with Client.connect(bridge.address) as rail:
            yield Agent(name, bridge, memory, model, devices), rail
    finally:
        memory.close()
        await model.close()


def _model() -> Claude:
    """Return the model that the environment names; the SDK is an extra, and slow to import."""
    try:
        from handrail_bridge.agents.claude import Claude
    except ModuleNotFoundError as error:
        if error.name != "anthropic":
            raise
        raise Refused(
            "The package anthropic is not installed.",
            hint="pip install -e '.[agent]' in Handrail's folder",
        ) from None
    return Claude.from_environment()


async def _until_ctrl_c(worker: Agent, rail: Client, work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, or until Ctrl-C or SIGTERM: the arm is stopped first, the model after."""
    running = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    stopping: list[asyncio.Task[None]] = []

    def interrupt() -> None:
        if stopping:
            os._exit(INTERRUPTED)  # asked twice; the lease lapses with us, and stops the motion
        stopping.append(asyncio.create_task(_stop(worker, rail, running)))

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        return await running
    except asyncio.CancelledError:
        if not stopping:
            raise
        await asyncio.gather(*stopping)
        raise typer.Exit(INTERRUPTED) from None


async def _stop(worker: Agent, rail: Client, running: asyncio.Future[Any]) -> None:
    try:
        if worker.session is not None and worker.session.moving:
            worker.session.leaving = True
            await _stop_arm(worker, rail)
    finally:
        running.cancel()


async def _stop_arm(worker: Agent, rail: Client) -> None:
    try:
        async with asyncio.timeout(UNHEARD):
            await rail.stop(f"Ctrl-C at the terminal of {worker.name}")
        console.print("[yellow]stopped[/]: the operator has to reset and arm the cell")
    except (TimeoutError, HandrailError):
        loops = f"{worker.bridge.signal_stop()} of its loops got the signal"
        console.print(f"[red]the bridge does not answer[/]; {loops}: look at the arm")


def _told(ended: Ended) -> dict[str, Any]:
    budget = ended.budget
    return {
        "ended": ended.code,
        "said": ended.said,
        "turns": budget.turns,
        "tokens": budget.tokens,
        "seconds": budget.seconds,
        "metres": budget.metres,
        "acts": [{"tool": act.tool, "outcome": act.became} for act in ended.acts],
    }


def _show(ended: Ended) -> None:
    console.print("what was done, as measured:" if ended.acts else "nothing was done")
    for act in ended.acts:
        console.print(f"  {escape(act.tool)}: {escape(act.became)}")
    word = "[green]done[/]" if ended.done else f"[red]{ended.code}[/]: {escape(ended.said)}"
    console.print(f"{word} ({ended.budget.told()})")


def _sort(of_cell: str | None, as_json: bool) -> None:
    """Let the scripted pilot sort what the cell holds."""

    def tell(event: Event) -> None:
        if not as_json:
            console.print(f"{event.kind}: {escape(event.text)}")

    async def fly() -> Log:
        async with reach.agent(of_cell) as rail:
            return await Pilot(rail, tell).run()

    log = asyncio.run(fly())
    told = {"executed": log.executed, "refused": log.refused, "given_up": log.given_up}
    emit(told, as_json, lambda _: console.print(json.dumps(told)))
    raise typer.Exit(1 if log.given_up else 0)
