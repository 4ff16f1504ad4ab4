"""Handlers of the gRPC service where a client does less than it should."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from handrail_bridge import service
from handrail_bridge.service import RailService
from handrail_drivers.errors import HandrailError


class Silent:
    """The context of a stream whose client sends nothing."""

    async def read(self) -> None:
        await asyncio.Event().wait()

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"


async def test_a_lease_stream_without_a_first_message_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused: list[HandrailError] = []

    async def abort(_: object, error: HandrailError) -> None:
        refused.append(error)

    monkeypatch.setattr("handrail_bridge.answering.abort", abort)
    monkeypatch.setattr(service, "FIRST", 0.01)
    nothing: Any = None
    stream: Any = RailService(nothing, nothing, {}, tuple).HoldLease(nothing, Silent())
    await stream
    (error,) = refused
    assert (error.code, error.hint) == (
        "invalid_request",
        "say who wants the lease in its first message",
    )
