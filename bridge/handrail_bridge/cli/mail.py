"""``handrail mail``: read and write a cell's mailbox."""

from __future__ import annotations

import asyncio
import getpass
import json
import time
from typing import Annotated

import typer

from handrail_bridge.cli import reach
from handrail_bridge.cli.output import Json, console, emit, escape
from handrail_bridge.cli.reach import OfCell
from handrail_bridge.reports import Mail

mail = typer.Typer(no_args_is_help=True, help="What agents, people and programs tell one another.")


@mail.command()
def send(
    recipient: Annotated[str, typer.Argument(metavar="TO", help="such as an agent's name")],
    text: Annotated[str, typer.Argument(help="what to say")],
    sender: Annotated[str, typer.Option("--from", help="your name; none: of your login")] = "",
    answers: Annotated[int, typer.Option(help="number of the mail that this answers")] = 0,
    of_cell: OfCell = None,
    as_json: Json = False,
) -> None:
    """Put one mail into the mailbox, as the operator."""

    async def ask() -> Mail:
        async with reach.operator(of_cell) as rail:
            return await rail.send_mail(sender or getpass.getuser(), recipient, text, answers)

    emit(asyncio.run(ask()), as_json, lambda sent: console.print(f"mail {sent.number}"))


@mail.command("list")
def show(
    to: Annotated[str, typer.Option(help="only mail for this one")] = "",
    after: Annotated[int, typer.Option(help="only mail newer than this number")] = 0,
    limit: Annotated[int, typer.Option(help="at most so many, the oldest first")] = 50,
    wait: Annotated[float, typer.Option(help="s to wait where there is none")] = 0.0,
    of_cell: OfCell = None,
    as_json: Json = False,
) -> None:
    """Print mail, the oldest first."""

    async def ask() -> list[Mail]:
        async with reach.operator(of_cell) as rail:
            return await rail.mail(to, after, limit, wait)

    emit(asyncio.run(ask()), as_json, _show)


def _show(found: list[Mail]) -> None:
    for one in found:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(one.time))
        mark = "operator " if one.by_operator else ""  # before any word that somebody chose
        answer = f", answers {one.answers}" if one.answers else ""
        sent = f"{_quoted(one.sender)} -> {_quoted(one.recipient)}{answer}"
        console.print(f"[bold]{one.number}[/] {when} {mark}{sent}")
        console.print(f"  {escape(one.text)}")


def _quoted(name: str) -> str:
    """Return a name in quotes, which it cannot close."""
    return escape(json.dumps(name, ensure_ascii=False))
