"""Hardware that an agent finds is proposed to the operator, and never becomes part of the cell."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from handrail_bridge.agents import discovering
from handrail_bridge.agents.discovering import OPERATOR
from handrail_drivers.discovery import Found
from scripted_model import Request, plays, reply, say, use
from staying_rig import LONG_WAIT, Place, living, newest
from waiting import until_async


async def test_new_hardware_is_proposed_and_nothing_more(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a device calls itself cannot write a line of the draft; addresses are for the person."""
    oven = Found("service", "10.1.1.9:502", "Modbus\n[arm]", "modbus", {"tcp": "10.1.1.9:502"})
    found = [Found("camera", "/dev/video0", "Webcam")]
    monkeypatch.setattr(discovering, "everything", lambda _: list(found))
    said: list[Any] = []

    def propose(request: Request) -> Any:
        said.append(request)
        return reply(
            use("hardware_propose", number=2, why="It was not here yesterday."),
            use("hardware_propose", number=3, why="I made this up."),
        )

    def found_again(_: Request) -> Any:
        found.append(oven)
        return reply(use("hardware_find", listen=0))

    def once_more(request: Request) -> Any:
        said.append(request)
        return reply(use("hardware_find", listen=0))

    search = reply(use("hardware_find"))
    script = plays(search, found_again, propose, once_more, lambda r: said.append(r) or bye)
    bye = reply(say("Bye."))
    before = await newest(place)
    async with living(place, script, "finder") as life:
        await life.rail.send_mail("ann", "finder", "What is new here?")
        mail = await life.answer(OPERATOR, before)
        await until_async(lambda: len(said) == 3, LONG_WAIT)
        tools = life.api.requests[0].tools
        refused = life.api.requests[3].said
        assert [m.number for m in await life.rail.mail(OPERATOR, before)] == [mail.number]
    told = said[0].answer["found"]
    assert [one["new"] for one in told] == [True, True], "one search, and it is forgotten"
    assert [one["new"] for one in said[2].answer["found"]] == [True, False]
    assert "10.1.1.9" not in said[0].said
    assert "choices" in refused
    assert mail.sender == "finder"
    assert "It was not here yesterday." in mail.text
    _, _, draft = mail.text.partition("before you use it:")
    assert tomllib.loads(draft)["devices"]["modbus"]["settings"] == {"tcp": "10.1.1.9:502"}
    assert tomllib.loads(draft).keys() == {"devices"}
    assert not {"arm", "reset", "approve"} & set(tools)
