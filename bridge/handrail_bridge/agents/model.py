"""Between a model and who it works for: what each wants of the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from handrail_bridge.agents.history import History
from handrail_bridge.agents.results import AgentTool, Result


class Host(Protocol):
    """Who the model works for: runs its tools, hears what it says, counts what it costs."""

    async def run(self, tool: str, arguments: Mapping[str, Any]) -> Result:
        """Run one tool."""

    def said(self, piece: str) -> None:
        """Hear a piece of what the model says."""

    def calls(self, tool: str, arguments: Any) -> None:
        """Hear of a call, before it is run."""

    def retries(self, why: str) -> None:
        """Hear that the model is asked once more."""

    def turn_over(self, tokens: int) -> None:
        """Count one reply whose tools have run; raises to end the conversation."""


class Model(Protocol):
    """A language model that calls tools."""

    async def talk(
        self, system: str, tools: Sequence[AgentTool], history: History, host: Host
    ) -> str:
        """Let the model work until it calls no more tools; return its last words.

        Raises:
            ModelLost: it does not answer, or refuses to.
            BudgetSpent: as ``host`` says.
        """
        ...
