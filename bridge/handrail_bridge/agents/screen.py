"""Who is shown what an agent does: a terminal, or nobody."""

from __future__ import annotations

from typing import Any, Protocol

from handrail_bridge.agents.results import Progress, Result, Waiting


class Screen(Protocol):
    """Who is shown what happens."""

    def said(self, piece: str) -> None:
        """Show a piece of what the model says."""

    def calls(self, tool: str, arguments: Any) -> None:
        """Show a call."""

    def answered(self, result: Result) -> None:
        """Show what the last call gave."""

    def retries(self, why: str) -> None:
        """Show that the model is asked once more."""

    def waits(self, what: Waiting) -> None:
        """Show that a plan or a call waits for a person."""

    def progress(self, progress: Progress) -> None:
        """Show how far a motion has come."""
