"""Acts of which nobody knows the end, and what has to be looked at before anything is done again.

A motion is looked at in the arm's state and on the table. What a device was set to, only the device
tells; what was mailed, only the mailbox.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handrail_drivers.api import Effect
from handrail_drivers.errors import Refused

from handrail_bridge.agents.memory import Memory
from handrail_bridge.reports import Tool

MEASURED = ("look", "state")
SEEN = (*MEASURED, "picture")  # all there is where a device tells nothing of itself
MAILING = ("mail_send", "hardware_propose")
Listed = Mapping[str, Tool]
Said = Mapping[str, Any]  # a result's data


@dataclass(frozen=True, slots=True)
class Doubt:
    """An act whose end nobody knows, and ``sentence``, what is known of it."""

    tool: str
    arguments: Mapping[str, Any]
    sentence: str

    def look(self, listed: Listed) -> str:
        """Return what has to be looked at; ``listed`` are the cell's tools."""
        if self.tool in MAILING:
            return "mail_list with `everybody`, on by `after` until it brings none"
        if device := self._device(listed):
            return f"`read` tells of {device}"
        return " or ".join(self._looks(listed))

    def is_seen_by(
        self, tool: str, arguments: Mapping[str, Any], said: Said, listed: Listed
    ) -> bool:
        """Tell whether a call that succeeded, and ``said`` so, has looked at what it may have done.

        The mailbox tells the oldest first: what was sent last is seen once there is no more.
        """
        if self.tool in MAILING:
            all_of_it = arguments.get("everybody") is True and not said.get("mail")
            return tool == "mail_list" and all_of_it
        if device := self._device(listed):
            read = listed.get(_called(tool, arguments))
            return read is not None and read.effect == Effect.OBSERVE and read.device == device
        return tool in self._looks(listed)

    def _looks(self, listed: Listed) -> tuple[str, ...]:
        return SEEN if self._configured(listed) or self.tool == "configure" else MEASURED

    def _configured(self, listed: Listed) -> Tool | None:
        known = listed.get(_called(self.tool, self.arguments))
        return known if known is not None and known.effect == Effect.CONFIGURE else None

    def _device(self, listed: Listed) -> str:
        """Return the device that was set up, where it can be read; else nothing."""
        known = self._configured(listed)
        told = {one.device for one in listed.values() if one.effect == Effect.OBSERVE}
        return known.device if known is not None and known.device in told else ""


def _called(tool: str, arguments: Mapping[str, Any]) -> str:
    """Return the cell's own tool that a call is for."""
    return str(arguments.get("tool")) if tool in ("read", "configure") else tool


class Doubts:
    """The doubts of one session, each with its act in the memory."""

    def __init__(self, memory: Memory, known: Mapping[int, Doubt]) -> None:
        self._memory = memory
        self._open = dict(known)

    def add(self, act: int, tool: str, arguments: Mapping[str, Any], message: str) -> None:
        """Remember that nobody knows what became of an act."""
        sentence = f"{tool} {json.dumps(dict(arguments))}: {message}"
        self._open[act] = Doubt(tool, dict(arguments), sentence)

    def require_none(self, tool: str, listed: Listed) -> None:
        """Refuse to do anything with a tool while there are any.

        Raises:
            Refused: nobody has looked; it says where to.
        """
        for doubt in self._open.values():
            raise Refused(
                f"An earlier act was cut off: {doubt.sentence}",
                field="name",
                value=tool,
                hint=f"look first ({doubt.look(listed)}), then plan from what is there",
            )

    def acts(self) -> frozenset[int]:
        """Return the acts in doubt right now."""
        return frozenset(self._open)

    def looked(
        self,
        acts: frozenset[int],
        tool: str,
        arguments: Mapping[str, Any],
        said: Said,
        listed: Listed,
    ) -> None:
        """Close those of some acts that a call has looked at; it began after they ended."""
        for act in acts & self.acts():
            doubt = self._open[act]
            if doubt.is_seen_by(tool, arguments, said, listed):
                self._memory.end_act(act, f"cut off; {doubt.sentence}; looked at afterwards")
                del self._open[act]
