"""``handrail approve``: a person looks at what waits, and says yes or no."""

from __future__ import annotations

import asyncio
import getpass
import time
from pathlib import Path
from typing import Annotated

import typer
from handrail_drivers.errors import Refused, UnknownName

from handrail_bridge import run_dir
from handrail_bridge.cli import reach
from handrail_bridge.cli.output import Json, console, emit, escape
from handrail_bridge.cli.reach import OfCell
from handrail_bridge.reports import Card, Decision

LOOK = 0.2  # s between two looks at what waits


def approve(
    number: Annotated[int, typer.Argument(help="of the card; none: the oldest")] = 0,
    yes: Annotated[bool | None, typer.Option("--yes/--no", help="instead of being asked")] = None,
    reason: Annotated[str, typer.Option(help="why not, for whoever asked")] = "",
    wait: Annotated[float, typer.Option(help="s to wait for a plan that needs a person")] = 0.0,
    picture: Annotated[
        Path | None, typer.Option(help="SVG file to draw the motion in; none: beside the socket")
    ] = None,
    of_cell: OfCell = None,
    as_json: Json = False,
) -> None:
    """Show a plan or a call that waits for a person, and approve or refuse it.

    With --json and neither --yes nor --no it prints all that waits, and decides nothing.
    """
    if as_json and yes is None:
        emit(asyncio.run(_cards(of_cell, wait)), as_json, lambda _: None)
        return
    if yes and not number:
        raise Refused(
            "Say which plan: the oldest may be another one than was looked at.",
            field="number",
            hint="`handrail approve --json` lists what waits",
        )
    card = _chosen(asyncio.run(_cards(of_cell, wait)), number)
    drawn = _drawn(card, picture, of_cell)
    if not as_json:
        _show(card, drawn)
    said = typer.confirm(card.question) if yes is None else yes
    decision = Decision(card.number, card.trajectory_digest, said, getpass.getuser(), reason)
    asyncio.run(_decide(of_cell, decision))
    emit(decision, as_json, lambda _: console.print("approved" if said else "refused"))


def _drawn(card: Card, picture: Path | None, of_cell: str | None) -> Path:
    """Write a card's picture, and return where."""
    drawn = picture or Path(run_dir.running(of_cell).operator_socket).with_name(
        f"approval-{card.number}.svg"
    )
    if card.picture:
        drawn.write_text(card.picture)
    return drawn


async def _cards(of_cell: str | None, wait: float) -> list[Card]:
    deadline = time.monotonic() + wait
    async with reach.operator(of_cell) as operator:
        while True:
            cards = await operator.cards()
            if cards or time.monotonic() >= deadline:
                return cards
            await asyncio.sleep(LOOK)


async def _decide(of_cell: str | None, decision: Decision) -> None:
    async with reach.operator(of_cell) as operator:
        await operator.decide(decision)


def _chosen(cards: list[Card], number: int) -> Card:
    """Return the card of a number; 0 is the oldest."""
    if not cards:
        raise Refused("Nothing waits for a person.", hint="--wait SECONDS waits for one")
    for card in cards:
        if number in (0, card.number):
            return card
    raise UnknownName("approval", str(number), [str(card.number) for card in cards], "number")


def _show(card: Card, picture: Path) -> None:
    console.print(f"[bold]{card.number}[/]: {card.remaining:.0f} s to decide")
    for title, sentences in (
        ("what it does", card.steps),
        ("what is so at its end", card.goal),
        ("what the check found", card.margins),
        ("why you are asked", card.asks),  # nearest to the question
    ):
        if sentences:
            console.print(f"[bold]{title}[/]")
        for sentence in sentences:
            console.print(f"  {escape(sentence)}")
    if card.picture:
        console.print(f"the motion is drawn in {escape(str(picture))}")
