"""The calls of one agent that wait for a person: asked for once, made once, by the same words."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from handrail_drivers.errors import HandrailError, PermitRefused

from handrail_bridge.agents.results import Hooks, Progress, Result
from handrail_bridge.agents.schemas import as_text
from handrail_bridge.client import Client
from handrail_bridge.reports import Permit

KEPT = 32  # calls at a time; the oldest is forgotten, and its permit with it


@dataclass(frozen=True, slots=True)
class HeldCall:
    """One call of a device's tool that was asked for. ``told`` makes the agent's answer of it."""

    handle: str
    tool: str
    arguments: Mapping[str, Any]
    permit: Permit
    told: Callable[[Any], dict[str, Any]]


class HeldCalls:
    """What one agent has asked for. Permits stay in here."""

    def __init__(self, rail: Client) -> None:
        self._rail = rail
        self._kept: OrderedDict[str, HeldCall] = OrderedDict()

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        told: Callable[[Any], dict[str, Any]],
        hooks: Hooks,
    ) -> Result:
        """Make a call once a person has approved it; the same call again asks no second time.

        Raises:
            PermitRefused: a person refused it, or nobody answered.
        """
        return await self.go_on(
            self._waiting(tool, arguments) or await self._asked(tool, arguments, told), hooks
        )

    def find(self, handle: str) -> HeldCall | None:
        """Return the call of a handle, where it still waits."""
        return self._kept.get(handle)

    async def go_on(self, held: HeldCall, hooks: Hooks) -> Result:
        """Wait for a person's word, then make the call; raises as :meth:`call`."""
        if hooks.progress is not None:
            await hooks.progress(Progress(0.0, f"waits for a person: {held.permit.asks[0]}"))
        try:
            if hooks.approve is not None:
                await hooks.approve(held)
        except PermitRefused:  # decided: who asks again is asked about anew
            self._kept.pop(held.handle, None)
            raise
        try:
            permit = await self._rail.approval(held.permit)
        except HandrailError:
            self._kept.pop(held.handle, None)
            raise  # what is cancelled meanwhile goes on waiting, for the same call
        self._kept.pop(held.handle, None)
        answer = await self._rail.call_permitted(held.tool, held.arguments, permit)
        return Result(held.told(answer))

    def _waiting(self, tool: str, arguments: Mapping[str, Any]) -> HeldCall | None:
        asked = tool, as_text(arguments)
        return next(
            (one for one in self._kept.values() if (one.tool, as_text(one.arguments)) == asked),
            None,
        )

    async def _asked(
        self, tool: str, arguments: Mapping[str, Any], told: Callable[[Any], dict[str, Any]]
    ) -> HeldCall:
        permit = await self._rail.propose(tool, arguments)
        held = HeldCall(f"call-{secrets.token_hex(4)}", tool, dict(arguments), permit, told)
        self._kept[held.handle] = held
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return held
