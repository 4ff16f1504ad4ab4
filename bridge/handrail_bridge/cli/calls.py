"""What every client may do: tools, call, check, run, stop, state."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from handrail_drivers.errors import HandrailError, InvalidRequest
from rich.box import SIMPLE
from rich.progress import Progress
from rich.table import Table

from handrail_bridge import run_dir
from handrail_bridge.agents.missing import Missing
from handrail_bridge.cli import reach
from handrail_bridge.cli.output import (
    Json,
    console,
    emit,
    escape,
    show_receipt,
    show_state,
    show_verdict,
)
from handrail_bridge.cli.reach import OfCell
from handrail_bridge.client import Client
from handrail_bridge.loop.state import Mode
from handrail_bridge.plain import plain
from handrail_bridge.reports import CellState, Permit, Receipt, Tool

UNHEARD = 2.0  # s that a bridge has to answer a stop; its loops stop without it

PlanFile = Annotated[str, typer.Argument(metavar="PLAN", help="a JSON file, or - for stdin")]


def tools(of_cell: OfCell = None, as_json: Json = False) -> None:
    """List the tools that an agent sees, with their schemas."""

    async def ask() -> dict[str, Tool]:
        async with reach.agent(of_cell) as rail:
            return await rail.tools()

    emit(list(asyncio.run(ask()).values()), as_json, _show_tools)


def call(
    tool: Annotated[str, typer.Argument(help="the tool's name, see `handrail tools`")],
    arguments: Annotated[str, typer.Argument(metavar="JSON", help="its arguments")] = "{}",
    of_cell: OfCell = None,
    as_json: Json = False,
) -> None:
    """Call one tool. One that moves is a plan of one step and takes the same road."""
    given = parse_object(arguments, "arguments")

    async def ask() -> dict[str, Any] | Receipt:
        async with reach.agent(of_cell) as rail:
            known = (await rail.tools()).get(tool)
            if known is not None and known.needs_approval and known.effect != "move":
                return await _ask_and_call(rail, tool, given, as_json)
            if known is None or known.effect != "move":
                return await rail.call(tool, **given)
            return await _run(rail, {"steps": [{"tool": tool, **given}]}, as_json)

    answer = asyncio.run(ask())
    if isinstance(answer, Receipt):
        _finish(answer, as_json)
    else:
        emit(answer, as_json, _show_result)


def check(plan: PlanFile, of_cell: OfCell = None, as_json: Json = False) -> None:
    """Check a plan from the measured state and print its verdict. Exits 1 where refused."""
    proposed = parse_object(read_plan(plan), "plan")

    async def ask() -> Any:
        async with reach.agent(of_cell) as rail:
            return await rail.check(proposed)

    answer = asyncio.run(ask())
    emit(answer, as_json, lambda found: show_verdict(found.verdict))
    raise typer.Exit(0 if answer.verdict.passed else 1)


def run(plan: PlanFile, of_cell: OfCell = None, as_json: Json = False) -> None:
    """Check a plan and run it. Exits 1 where it is refused, ends early or misses its goal."""
    proposed = parse_object(read_plan(plan), "plan")

    async def ask() -> Receipt:
        async with reach.agent(of_cell) as rail:
            return await _run(rail, proposed, as_json)

    _finish(asyncio.run(ask()), as_json)


def stop(
    reason: Annotated[str, typer.Argument(help="why, for the log")] = "handrail stop",
    of_cell: OfCell = None,
    as_json: Json = False,
) -> None:
    """Bring everything to a held stop, in every cell that runs. Everybody may; the operator resets.

    It passes by a bridge that hangs: the loops get a signal before the bridge is asked. Exits 1
    where a bridge does not answer: nobody knows then that everything stands.
    """
    every = run_dir.all_running() if of_cell is None else []
    bridges = every or [run_dir.running(of_cell)]
    signalled = [bridge.signal_stop() for bridge in bridges]

    async def ask(bridge: run_dir.Bridge) -> Mode | None:
        try:
            async with asyncio.timeout(UNHEARD), Client.connect(bridge.address) as rail:
                return await rail.stop(reason)
        except (TimeoutError, HandrailError):
            return None

    async def ask_all() -> list[Mode | None]:
        return await asyncio.gather(*map(ask, bridges))

    modes = asyncio.run(ask_all())
    answer = {
        bridge.cell: {"mode": mode, "loops_signalled": count}
        for bridge, mode, count in zip(bridges, modes, signalled, strict=True)
    }
    emit(answer, as_json, _show_stops)
    raise typer.Exit(1 if None in modes else 0)


def state(of_cell: OfCell = None, as_json: Json = False) -> None:
    """Print the measured state of the cell, and which of its devices are not there."""

    async def ask() -> tuple[CellState, list[str]]:
        async with reach.agent(of_cell) as rail:
            return await rail.state(), Missing().news((await rail.cell()).notices)

    measured, missing = asyncio.run(ask())
    value = {**plain(measured), "missing": missing}
    emit(value, as_json, lambda _: show_state(measured, missing))


def read_plan(source: str) -> str:
    """Return the text of a plan file, ``-`` being standard input."""
    if source == "-":
        return sys.stdin.read()
    try:
        return Path(source).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{source} cannot be read: {error}.", field="plan") from None


def parse_object(text: str, field: str) -> dict[str, Any]:
    """Return a JSON object, or refuse what is none."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise InvalidRequest(f"{field} is no valid JSON: {error}.", field=field) from None
    if not isinstance(value, dict):
        raise InvalidRequest(f"{field} must be a JSON object.", field=field)
    return value


async def _ask_and_call(
    rail: Client, tool: str, given: dict[str, Any], quiet: bool
) -> dict[str, Any]:
    permit = await rail.propose(tool, given)
    if not quiet:
        _say_why(permit)
    answer: dict[str, Any] = await rail.call_permitted(tool, given, await rail.approval(permit))
    return answer


async def _run(rail: Client, plan: dict[str, Any], quiet: bool) -> Receipt:
    async with rail.lease("handrail command line"):
        if quiet:
            return await rail.run(plan)
        with Progress(console=console, transient=True) as progress:
            return await rail.run(plan, _mover(progress), _say_why)


def _mover(progress: Progress) -> Callable[[CellState], None]:
    bar = progress.add_task("moving", total=1.0)
    return lambda state: progress.update(bar, completed=state.progress)


def _say_why(permit: Permit) -> None:
    console.print(f"[yellow]a person has to approve it[/] within {permit.expires_in:.0f} s:")
    for sentence in permit.asks:
        console.print(f"  {escape(sentence)}")


def _finish(receipt: Receipt, as_json: bool) -> None:
    emit(receipt, as_json, show_receipt)
    raise typer.Exit(0 if receipt.goal_met else 1)


def _show_tools(listed: list[Tool]) -> None:
    table = Table("tool", "effect", "device", "what it does", "arguments", box=SIMPLE)
    for tool in listed:
        names = ", ".join(tool.input_schema.get("properties", {}))
        first = tool.description.splitlines()[0] if tool.description else ""
        table.add_row(tool.name, tool.effect, tool.device, escape(first), names)
    console.print(table)


def _show_result(result: dict[str, Any]) -> None:
    console.print_json(data=result)


def _show_stops(answer: dict[str, dict[str, Any]]) -> None:
    for cell, found in answer.items():
        if found["mode"] is None:
            loops = f"{found['loops_signalled']} of its loops got the signal"
            console.print(f"{cell}: [red]the bridge does not answer[/]; {loops}: look at the arm")
        else:
            word = found["mode"].name.lower()
            console.print(f"{cell}: [yellow]{word}[/]: the operator has to reset and arm it")
