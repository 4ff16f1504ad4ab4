"""What an agent reads of mail, and which numbers of mail it may name."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from handrail_bridge.agents.own_tools import Mailing, tools_of
from handrail_bridge.agents.wakes import AT_ONCE, told
from handrail_bridge.mailbox import LONGEST
from handrail_bridge.reports import Mail


def mail(number: int, text: str = "hello", **parts: bool) -> Mail:
    return Mail(number, 0.0, "ann", "robot", text, **parts)


@pytest.mark.parametrize(("sign", "cut"), [("x", False), ("語", False), ("\U0001f600", True)])
def test_one_mail_alone_can_be_read(sign: str, cut: bool) -> None:
    letter = told(mail(1, sign * LONGEST))
    assert len(letter) < 1.1 * AT_ONCE
    assert letter.endswith("(cut: it has 8192 signs)") == cut


async def test_a_list_of_mail_can_be_read_and_goes_on_from_its_end() -> None:
    box = [mail(n, "x" * LONGEST, by_operator=n % 2 == 0) for n in range(1, 11)]

    async def newer(_: str, after: int, limit: int) -> list[Mail]:
        return [one for one in box if one.number > after][:limit]

    rail: Any = SimpleNamespace(mail=newer)
    mailing = Mailing(rail, "robot")
    read: list[str] = []
    while found := (await mailing.mail_list(after=len(read)))["mail"]:
        assert sum(map(len, found)) < 1.1 * AT_ONCE
        read += found
    assert read == list(map(told, box))


@pytest.mark.parametrize("number", [-1, 2**63])
async def test_a_number_that_no_mail_has_is_refused(number: int) -> None:
    rail: Any = SimpleNamespace(send_mail=lambda *_: pytest.fail("it was sent"))
    (send,) = (one for one in tools_of(Mailing(rail, "ada")) if one.name == "mail_send")
    answer = await send.call({"to": "operator", "text": "done", "answers": number})
    assert answer.refused
