"""What an agent says and does, on a terminal. Whatever a model wrote is shown, never obeyed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import Any

from handrail_bridge.agents.results import Progress, Result, Waiting
from handrail_bridge.cli.output import escape, problems

SHOWN = 300  # characters of a call or an answer
PATIENCE = 600.0  # s that a question waits for its answer


class Terminal:
    """Writes to the error stream, so that --json has the output for itself."""

    def __init__(self) -> None:
        self._open = False  # a line of the model's that has not ended

    def said(self, piece: str) -> None:
        """Show a piece of what the model says, as it comes."""
        lines = "\n".join(escape(line) for line in piece.split("\n"))
        problems.print(lines, end="")
        self._open = not piece.endswith("\n")

    def calls(self, tool: str, arguments: Any) -> None:
        """Show a call; what it hides in Unicode shows, since JSON in ASCII does."""
        self._line(f"[cyan]> {escape(tool)}[/] {escape(_short(json.dumps(arguments)))}")

    def answered(self, result: Result) -> None:
        """Show what the last call gave."""
        if result.failed:
            told = result.data["refused" if result.refused else "unknown"]
            self._line(f"  [yellow]{told['code']}[/] {escape(_short(told['message']))}")
        elif "passed" in result.data:
            self._line(_verdict(result.data))
        else:
            seen = f" and {len(result.pictures)} picture" if result.pictures else ""
            self._line(f"  [dim]{escape(_short(result.text))}{seen}[/]")

    def retries(self, why: str) -> None:
        """Show that something has to be tried once more."""
        self._line(f"[yellow]once more[/]: {escape(_short(why))}")

    def waits(self, what: Waiting) -> None:
        """Show that a plan or a call waits for a person."""
        asks = "; ".join(what.permit.asks)
        self._line(f"[yellow]a person has to approve it[/] (handrail approve): {escape(asks)}")

    def progress(self, progress: Progress) -> None:
        """Show nothing: the receipt comes soon enough."""

    def end(self) -> None:
        """End the model's line."""
        if self._open:
            problems.print()
            self._open = False

    def _line(self, text: str) -> None:
        self.end()
        problems.print(text)

    async def ask(self, question: str) -> str | None:
        """Ask the person who sits here; None where nobody does, or nobody answers."""
        if not sys.stdin.isatty():
            return None
        self._line(f"[bold]the agent asks:[/] {escape(question)}")
        problems.print("[bold]your answer:[/] ", end="")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                return (await _typed()).strip() or None
        return None


def _verdict(told: dict[str, Any]) -> str:
    if told["passed"]:
        return f"  [green]passed[/]: {told['duration']:.1f} s of motion, as {told['plan']}"
    first = told["violations"][0]
    return f"  [red]refused[/]: {escape(_short(first['sentence']))} Try: {escape(first['hint'])}"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


async def _typed() -> str:
    """Return the next line that is typed, without a thread that would wait for ever."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ready.set)
    try:
        await ready.wait()
        return sys.stdin.readline()
    finally:
        loop.remove_reader(sys.stdin.fileno())
