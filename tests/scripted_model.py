"""Scripted models: functions from a request of the Messages API to the next reply."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Block = dict[str, Any]
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return list(self.body["messages"])

    @property
    def tools(self) -> list[str]:
        return [tool["name"] for tool in self.body.get("tools", ())]

    @property
    def turn(self) -> int:
        """How many replies the history holds already."""
        return sum(message["role"] == "assistant" for message in self.messages)

    @property
    def results(self) -> list[Block]:
        """The tool results of the newest message."""
        content = self.messages[-1]["content"]
        return (
            [] if isinstance(content, str) else [b for b in content if b["type"] == "tool_result"]
        )

    @property
    def said(self) -> str:
        """All text of the newest message, results of tools included."""
        return text_of(self.messages[-1]["content"])

    @property
    def answer(self) -> Any:
        """The newest tool result, as JSON."""
        return json.loads(text_of(self.results[-1]["content"]))


@dataclass(frozen=True)
class Reply:
    """An assistant's message; calls of tools in it make it stop for their results."""

    content: Sequence[Block]
    stop_reason: str = ""
    cut_after: int | None = None  # SSE events, after which the connection breaks

    @property
    def stop(self) -> str:
        calls = any(block["type"] == "tool_use" for block in self.content)
        return self.stop_reason or ("tool_use" if calls else "end_turn")


@dataclass(frozen=True)
class Fault:
    """An error in the place of a reply."""

    status: int
    kind: str = "api_error"
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[Request], Reply | Fault]


def say(text: str) -> Block:
    """A block of text."""
    return {"type": "text", "text": text}


def use(tool: str, /, **arguments: Any) -> Block:
    """A call of a tool."""
    number = next(_numbers)
    return {"type": "tool_use", "id": f"toolu_{number:06}", "name": tool, "input": arguments}


def reply(*blocks: Block, **how: Any) -> Reply:
    """A reply of these blocks."""
    return Reply(blocks, **how)


def plays(*turns: Reply | Fault | Script) -> Script:
    """A script that plays one after another and then only says ``Done.``"""
    left = iter(turns)

    def script(request: Request) -> Reply | Fault:
        turn = next(left, reply(say("Done.")))
        return turn(request) if callable(turn) else turn

    return script


def text_of(content: Any) -> str:
    """All text in a message's content."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(text_of(part) for part in content)
    return text_of(content["content"]) if "content" in content else str(content.get("text", ""))
