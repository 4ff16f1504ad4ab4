"""The conversation with a model, as we keep it: whole turns only, shortened by us as it grows.

Messages have the form of the Messages API. A turn is an assistant's message and, where it called
tools, the user's message with every result; the history never holds one without the other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

PICTURES = 3  # the newest that stay when it is shortened
CROWDED = 8  # pictures at which it is
LONG = 60_000  # tokens of a request at which it is
TOO_LONG = 100_000  # tokens of a request at which it is, however few its turns are
RECENT = 6  # turns that stay as they are
SIZE = 100_000  # characters of them, beside pictures
QUOTED = 400  # characters of a result in what is summarised

Message = dict[str, Any]
Block = dict[str, Any]


class History:
    """One conversation: what was asked first, a summary of what is gone, and the latest turns."""

    def __init__(self, task: Sequence[Block]) -> None:
        self._task = list(task)
        self._summary = ""
        self._turns: list[list[Message]] = []
        self.replies = 0  # that were ever kept, in turns that are gone, too

    def messages(self) -> list[Message]:
        """Return the messages to send next."""
        known = f"What has happened so far, in your own words:\n{self._summary}"
        begin = [*self._task, *([{"type": "text", "text": known}] if self._summary else [])]
        return [{"role": "user", "content": begin}, *(m for turn in self._turns for m in turn)]

    def add(self, reply: Message, results: Message | None) -> None:
        """Keep one turn. Calls that nobody ran are answered: the conversation can go on."""
        content = [block for block in reply["content"] if block]
        if not content:
            content = [{"type": "text", "text": "(nothing)"}]
        turn = [{**reply, "content": content}]
        if results is not None:
            turn.append(results)
        elif calls := [block for block in content if block["type"] == "tool_use"]:
            turn.append({"role": "user", "content": [_not_run(call) for call in calls]})
        self._turns.append(turn)
        self.replies += 1

    def say(self, text: str) -> None:
        """Add words of ours after the last turn."""
        said = {"type": "text", "text": text}
        last = self._turns[-1]
        if last[-1]["role"] == "user":
            last[-1] = {**last[-1], "content": [*last[-1]["content"], said]}
        else:
            last.append({"role": "user", "content": [said]})

    def is_long(self, tokens: int) -> bool:
        """Tell whether its old turns should be summed up; ``tokens``: of the last request."""
        many = len(self._turns) > 2 * RECENT  # so that it is not done again at once
        return tokens > (LONG if many else TOO_LONG) and len(self._turns) > self._recent()

    def is_crowded(self) -> bool:
        """Tell whether it holds so many pictures that the old ones should go."""
        return json.dumps(self._turns).count('"type": "image"') > CROWDED

    def old(self) -> str:
        """Return what is to be summed up, as text."""
        old = self._turns[: -self._recent()]
        lines = [f"before: {self._summary}"] if self._summary else []
        return "\n".join([*lines, *(line for turn in old for m in turn for line in _lines(m))])

    def shorten(self, summary: str) -> None:
        """Let a summary take the place of the old turns."""
        self._summary = summary
        self._turns = self._turns[-self._recent() :]

    def _recent(self) -> int:
        """Return how many of the newest turns stay: one at least, whatever its size."""
        count = size = 0
        for turn in reversed(self._turns[-RECENT:]):
            size += sum(len(json.dumps(_without_pictures(message, 0)[0])) for message in turn)
            if count and size > SIZE:
                break
            count += 1
        return max(count, 1)

    def drop_pictures(self) -> None:
        """Let words take the place of the old pictures."""
        left = PICTURES
        for turn in reversed(self._turns):
            for number in reversed(range(len(turn))):
                turn[number], left = _without_pictures(turn[number], left)


def _not_run(call: Block) -> Block:
    text = "This call was not run: the reply that it is in was cut off. Call it again."
    return {
        "type": "tool_result",
        "tool_use_id": call["id"],
        "content": [{"type": "text", "text": text}],
        "is_error": True,
    }


def _without_pictures(message: Message, left: int) -> tuple[Message, int]:
    """Return a message with at most ``left`` pictures, the newest, and how many are left."""
    if isinstance(message["content"], str):
        return message, left
    blocks: list[Block] = []
    for block in reversed(message["content"]):
        if isinstance(block.get("content"), list):
            inner, left = _without_pictures({"content": block["content"]}, left)
            blocks.append({**block, "content": inner["content"]})
        elif block["type"] == "image":
            gone = {"type": "text", "text": "(a picture, no longer kept)"}
            blocks.append(block if left > 0 else gone)
            left -= 1
        else:
            blocks.append(block)
    return {**message, "content": blocks[::-1]}, left


def _lines(message: Message) -> list[str]:
    """Return a message as lines of text: what was said, called and answered."""
    if isinstance(message["content"], str):
        return [f"{message['role']}: {message['content']}"]
    lines = []
    for block in message["content"]:
        match block["type"]:
            case "text":
                lines.append(f"{message['role']}: {block['text']}")
            case "tool_use":
                lines.append(f"called {block['name']} {json.dumps(block['input'])}")
            case "tool_result":
                lines.append(f"answer: {_text(block['content'])[:QUOTED]}")
    return lines


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", f"({part['type']})") for part in content)
