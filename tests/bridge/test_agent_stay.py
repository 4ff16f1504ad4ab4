"""An agent that stays: it sleeps without a token, wakes for a cause, and does nothing twice."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from door import door
from handrail_bridge import run_dir
from handrail_bridge.agents import stay as staying
from handrail_bridge.agents.memory import Memory
from handrail_bridge.agents.stay import OPERATOR
from handrail_bridge.agents.wakes import ATTEMPTS, Wakes
from handrail_bridge.client import Client
from handrail_bridge.run_dir import Bridge
from scripted_model import Fault, Request, plays, reply, say, use
from staying_rig import LONG_WAIT, PLENTY, Place, living, newest
from waiting import until_async


async def test_it_sleeps_without_a_token_and_mail_wakes_it(place: Place) -> None:
    opened: list[str] = []

    def answer(request: Request) -> Any:
        opened.append(request.said)
        return reply(use("look"), use("mail_send", to="ann", text="Three cubes.", answers=number))

    before = await newest(place)
    async with living(place, plays(answer, reply(say("Bye."))), "sleeper") as life:
        life.wakes.watch({"predicate": "holding"}, "tell ann", rest=60.0)
        await life.slept()
        assert life.api.requests == [], "it thought while it slept"
        number = (await life.rail.send_mail("ann", "sleeper", "How many cubes?")).number
        mail = await life.answer("ann", before)
        await life.slept(1)
        assert (mail.sender, mail.text, mail.answers) == ("sleeper", "Three cubes.", number)
        assert not mail.by_operator, "an agent cannot write as the operator"
        await life.slept()
        assert len(life.api.requests) == 2, "one mail woke it twice"
    assert '"How many cubes?"' in opened[0]
    assert "a program or person unknown" in opened[0]


async def test_what_was_cut_off_goes_on_and_repeats_nothing(place: Place) -> None:
    """SIGTERM in the middle of an episode; the next life is told what the first one did."""
    hangs, ends = threading.Event(), threading.Event()

    def hang(_: Request) -> Any:
        hangs.set()
        ends.wait(LONG_WAIT)
        return reply(say("Too late."))

    def go_on(request: Request) -> Any:
        opened.append(request.said)
        return reply(use("mail_send", to="ann", text="And I am back."))

    opened: list[str] = []
    before = await newest(place)
    first = plays(reply(use("mail_send", to="ann", text="I begin.")), hang)
    async with living(place, first, "phoenix") as life:
        await life.rail.send_mail("ann", "phoenix", "Report twice.")
        await asyncio.to_thread(hangs.wait, LONG_WAIT)
        life.task.cancel()
        await asyncio.gather(life.task, return_exceptions=True)
        ends.set()
    memory = Memory(place.folder, "phoenix")
    Wakes(memory).schedule("0 7 * * *", "count the cubes")
    Wakes(memory).watch({"predicate": "holding"}, "tell ann", rest=60.0)
    memory.close()
    async with living(place, plays(go_on, reply(say("Bye."))), "phoenix") as life:
        after = (await life.answer("ann", before)).number
        await life.answer("ann", after)
        await life.slept()
        told = [mail.text for mail in await life.rail.mail("ann", before)]
    assert told == ["I begin.", "And I am back."]
    assert "Report twice." in opened[0]
    assert "An earlier episode of this was cut off" in opened[0]
    assert "I begin." in opened[0]
    assert "- 1: 0 7 * * *: count the cubes" in opened[0]
    assert '- 1: {"predicate": "holding"}: tell ann' in opened[0]


async def test_a_days_tokens_have_an_end(place: Place) -> None:
    before = await newest(place)
    async with living(place, lambda _: reply(say("Hm.")), "frugal", day=1) as life:
        await life.rail.send_mail("ann", "frugal", "Are you there?")
        await until_async(lambda: len(life.api.requests) == 1, LONG_WAIT)
        await life.slept(1)
        await life.rail.send_mail("ann", "frugal", "Still?")
        mail = await life.answer(OPERATOR, before)
        await life.slept(2)
        assert len(life.api.requests) == 1
        assert len(await life.rail.mail(OPERATOR, before)) == 1, "it complains again and again"
    assert "in a day" in mail.text


async def test_a_session_has_no_more_tokens_than_its_day_has_left(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What woke it is dealt with once a day has tokens again."""
    monkeypatch.setattr("handrail_bridge.agents.wakes.RETRY", 0.01)

    before = await newest(place)
    endless = plays(*(reply(use("look")) for _ in range(9)))
    async with living(place, endless, "eager", day=1) as life:
        await life.rail.send_mail("ann", "eager", "Look around.")
        mail = await life.answer(OPERATOR, before)
        assert "sleep until it is less" in mail.text, "it gave up"
        await life.slept()
        assert len(life.api.requests) == 1, "one wake took what it liked"
        life.stay._day = PLENTY
        await until_async(lambda: len(life.api.requests) > 1, LONG_WAIT)
        assert "Look around." in life.api.requests[1].said


async def test_a_trigger_wakes_it_and_things_are_looked_at_for_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying.Stay, "_is_busy", lambda *_: _nothing())
    before = await newest(place)
    report = reply(use("mail_send", to=OPERATOR, text="It is held."))
    async with living(place, plays(report, reply(say("Bye."))), "watcher") as life:
        life.wakes.watch({"predicate": "holding", "object": "red_cube_a"}, "tell", rest=60.0)
        await until_async(lambda: place.facts.evaluated >= 3, LONG_WAIT)
        assert (life.api.requests, place.facts.looked) == ([], 1)
        place.facts.met = True
        assert (await life.answer(OPERATOR, before)).text == "It is held."
        await life.slept()
        assert len(life.api.requests) == 2, "it woke again while it stayed true"
    assert "so it is: tell" in life.api.requests[0].said


async def test_a_trigger_that_means_nothing_any_more_silences_no_other(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither those that are evaluated with it nor those after."""
    monkeypatch.setattr(staying, "AT_ONCE", 2)
    before = await newest(place)
    async with living(place, plays(), "forbearing") as life:
        life.wakes.watch({"predicate": "holding_hands"}, "from another cell", rest=60.0)
        life.wakes.watch({"predicate": "holding"}, "beside it", rest=60.0)
        life.wakes.watch({"predicate": "holding"}, "after it", rest=60.0)
        mail = await life.answer(OPERATOR, before)
        assert "from another cell" in mail.text
        assert "cannot be evaluated" in mail.text
        place.facts.met = True
        await until_async(lambda: len(life.api.requests) == 2, LONG_WAIT)
        await life.slept()
        assert not await life.rail.mail(OPERATOR, mail.number), "it complains again and again"
    woken = {
        text
        for text in ("beside it", "after it")
        for request in life.api.requests
        if text in request.said
    }
    assert woken == {"beside it", "after it"}


async def _nothing() -> bool:
    return False


async def test_a_model_that_is_gone_costs_no_wake(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handrail_bridge.agents.wakes.RETRY", 0.01)
    gone = [Fault(401, "authentication_error")] * 2
    back = reply(use("mail_send", to="ann", text="I am back."))
    before = await newest(place)
    async with living(place, plays(*gone, back, reply(say("Bye."))), "patient") as life:
        await life.rail.send_mail("ann", "patient", "Are you there?")
        assert (await life.answer("ann", before + 1)).text == "I am back."
    assert "Are you there?" in life.api.requests[2].said


async def test_who_gives_up_tells_the_operator(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handrail_bridge.agents.wakes.RETRY", 0.01)
    async with living(place, lambda _: Fault(401, "authentication_error"), "hopeless") as life:
        sent = await life.rail.send_mail("ann", "hopeless", "Are you there?")
        mail = await life.answer(OPERATOR, sent.number)
        assert "gave up" in mail.text
        assert "Are you there?" in mail.text
        await life.slept()
        assert len(life.api.requests) == 3


async def test_a_wake_whose_sessions_are_cut_off_comes_three_times_at_most(place: Place) -> None:
    """As where the process is killed by what the wake has it do."""
    memory = Memory(place.folder, "mortal")
    Wakes(memory).give("fall over")
    for _ in range(ATTEMPTS):
        wake = Wakes(memory).next(time.time())
        assert wake is not None
        memory.begin_episode(wake.id)
    memory.close()
    before = await newest(place)
    async with living(place, plays(), "mortal") as life:
        mail = await life.answer(OPERATOR, before)
        await life.slept()
        assert life.api.requests == [], "it was tried once more"
    assert "gave up" in mail.text
    assert "fall over" in mail.text


async def test_a_bridge_that_goes_and_comes_is_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Place
) -> None:
    """Under another address, as after a restart."""
    gone = Place(run_dir.state_dir("gone"))
    here: list[Bridge] = []

    def running(cell: str) -> Bridge:
        return here[0] if here else run_dir.running("no such cell")

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
    monkeypatch.setattr(staying.run_dir, "running", running)
    answer = reply(use("mail_send", to="ann", text="Here I am."))
    async with contextlib.AsyncExitStack() as stack:
        closing = contextlib.AsyncExitStack()
        gone.address = await closing.enter_async_context(door(gone.folder, gone.facts))
        life = await stack.enter_async_context(
            living(gone, plays(answer, reply(say("Bye."))), "faithful")
        )
        await until_async(lambda: life.stay.rounds >= 2, LONG_WAIT)
        await closing.aclose()
        here.append(Bridge("desk", place.address, "", 0, ()))
        async with Client.connect(place.address) as rail:
            sent = await rail.send_mail("ann", "faithful", "Where are you?")
            (mail,) = await rail.mail("ann", sent.number, wait=LONG_WAIT)
    assert mail.text == "Here I am."
