"""The mailbox: mail is kept, numbered, waited for; what nobody can mean is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from handrail_bridge import mailbox
from handrail_bridge.mailbox import Mailbox
from handrail_drivers.errors import InvalidValue, Refused


async def test_mail_outlives_the_bridge_and_is_read_from_where_one_stopped(tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    first = await box.send("ann", "robot", "sort the cubes")
    await box.send("robot", "operator", "done")
    box.close()
    again = Mailbox(tmp_path)
    second = await again.send("ann", "robot", "thanks", answers=first.number, by_operator=True)
    assert await again.newer("robot") == [first, second]
    assert await again.newer("robot", after=first.number) == [second]
    assert [one.text for one in await again.newer()] == ["sort the cubes", "done", "thanks"]
    assert (second.by_operator, second.answers) == (True, first.number)
    again.close()


async def test_who_waits_for_mail_gets_it_as_it_comes(tmp_path: Path) -> None:
    box = Mailbox(tmp_path)
    waiting = asyncio.create_task(box.newer("robot", wait=30.0))
    await asyncio.sleep(0)
    await box.send("ann", "somebody else", "hello")
    sent = await box.send("ann", "robot", "hello")
    assert await waiting == [sent]
    assert await box.newer("nobody", wait=0.01) == []
    box.close()


async def test_the_oldest_mail_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "KEPT", 3)
    box = Mailbox(tmp_path)
    numbers = [(await box.send("a", "b", str(n))).number for n in range(5)]
    assert [one.number for one in await box.newer()] == numbers[-3:]
    box.close()


async def test_a_flood_takes_none_of_the_operators_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "KEPT", 3)
    box = Mailbox(tmp_path)
    for n in range(5):
        await box.send("operator", "ada", f"order {n}", by_operator=True)
        for _ in range(4):
            await box.send("robot", "ada", "and another thing")
    kept = await box.newer("ada")
    assert [one.text for one in kept if one.by_operator] == ["order 2", "order 3", "order 4"]
    assert sum(not one.by_operator for one in kept) == 3
    box.close()


@pytest.mark.parametrize(
    ("field", "parts"),
    [
        ("sender", ("", "b", "text")),
        ("recipient", ("a", "b" * 81, "text")),
        ("text", ("a", "b", "  ")),
        ("text", ("a", "b", "x" * 9000)),
    ],
)
async def test_what_is_empty_or_too_long_is_refused(
    tmp_path: Path, field: str, parts: tuple[str, str, str]
) -> None:
    box = Mailbox(tmp_path)
    with pytest.raises(InvalidValue) as refused:
        await box.send(*parts)
    assert refused.value.field == field
    assert await box.newer() == []
    box.close()


async def test_waiting_readers_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "READERS", 1)
    box = Mailbox(tmp_path)
    waiting = asyncio.create_task(box.newer("robot", wait=30.0))
    while not box._readers[False]._taken:
        await asyncio.sleep(0.01)
    with pytest.raises(Refused, match="1 waits for mail are open already"):
        await box.newer("robot", wait=1.0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert await box.newer("robot", wait=0.01) == [], "a reader that left still counts"
    box.close()
