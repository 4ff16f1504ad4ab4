"""``handrail approve`` says what it needs to know, and decides nothing until it does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from handrail_bridge.cli import reach
from handrail_bridge.cli.approve import approve
from handrail_drivers.errors import Refused, UnknownName


class Operator:
    """A client of a bridge where these cards wait; nobody may decide."""

    def __init__(self, *numbers: int) -> None:
        self._numbers = numbers

    async def __aenter__(self) -> Operator:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def cards(self) -> list[Any]:
        return [SimpleNamespace(number=number) for number in self._numbers]


def waiting(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
    monkeypatch.setattr(reach, "operator", lambda _: Operator(*numbers))


def test_a_yes_says_to_which_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, 1)
    with pytest.raises(Refused, match="Say which plan") as refused:
        approve(yes=True)
    assert refused.value.field == "number"


def test_where_nothing_waits_it_says_how_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch)
    with pytest.raises(Refused, match="waits") as refused:
        approve(7, yes=True)
    assert "--wait" in refused.value.hint


def test_another_number_is_told_which_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(monkeypatch, 3, 4)
    with pytest.raises(UnknownName) as unknown:
        approve(7, yes=True)
    assert unknown.value.choices == ("3", "4")
