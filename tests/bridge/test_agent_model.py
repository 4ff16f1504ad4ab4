"""The real client and its real tool runner against a model API on loopback."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import anthropic
import pytest
from handrail_bridge.agents import history as histories
from handrail_bridge.agents.claude import Claude
from handrail_bridge.agents.history import History
from handrail_bridge.agents.results import LONGEST, AgentTool, Hooks, Picture, Result
from handrail_drivers.api import Effect
from handrail_drivers.errors import BudgetSpent, ModelLost, Refused
from messages_api import KEY, ModelApi
from scripted_model import Fault, Reply, Request, Script, plays, reply, say, use

OVERLOADED = Fault(529, "overloaded_error", {"retry-after-ms": "1"})
LIMITED = Fault(429, "rate_limit_error", {"retry-after-ms": "1"})
FAILED = Fault(500, headers={"retry-after-ms": "1"})


@dataclass
class Listener:
    """A host that answers every tool with what it was given."""

    turns: int = 100
    ran: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    tokens: int = 0
    result: Result | None = None

    async def run(self, tool: str, arguments: Mapping[str, Any]) -> Result:
        self.ran.append(f"{tool} {json.dumps(arguments)}")
        return self.result or Result({"given": dict(arguments)})

    def said(self, piece: str) -> None:
        self.pieces.append(piece)

    def calls(self, tool: str, arguments: Any) -> None:
        self.heard.append(tool)

    def retries(self, why: str) -> None:
        self.again.append(why)

    def turn_over(self, tokens: int) -> None:
        self.tokens += tokens
        self.turns -= 1
        if not self.turns:
            raise BudgetSpent("The budget of turns is spent.", field="turns")


async def nothing(_: Mapping[str, Any], __: Hooks) -> Result:
    raise AssertionError("the host runs tools")


LOOK = AgentTool("look", "Look.", Effect.OBSERVE, {"type": "object"}, {"type": "object"}, nothing)


@contextlib.asynccontextmanager
async def model(script: Script) -> AsyncIterator[tuple[Claude, ModelApi]]:
    with ModelApi.running(script) as api:
        client = anthropic.AsyncAnthropic(api_key=KEY, base_url=api.url, max_retries=2)
        claude = Claude(client, "claude-test", backoff=0.01)
        try:
            yield claude, api
        finally:
            await claude.close()


def task(text: str = "look around") -> History:
    return History([say(text)])


async def talk(claude: Claude, host: Listener, history: History | None = None) -> str:
    return await claude.talk("You are a test.", [LOOK], history or task(), host)


async def test_text_streams_tools_run_and_results_come_back() -> None:
    script = plays(
        reply(say("I look at the table first."), use("look", camera="overhead")),
        lambda request: reply(say(f"I saw {request.answer['given']['camera']}.")),
    )
    host = Listener()
    async with model(script) as (claude, api):
        assert await talk(claude, host) == "I saw overhead."
    assert host.ran == ['look {"camera": "overhead"}']
    assert host.heard == ["look"]
    assert "".join(host.pieces) == "I look at the table first.I saw overhead."
    assert len(host.pieces) == 3, "it did not stream"
    assert [len(request.messages) for request in api.requests] == [1, 3]
    assert all("thread" not in request.body for request in api.requests), "state on the server"


@pytest.mark.parametrize("how", ["refused", "unknown"])
async def test_pictures_and_refusals_reach_the_model(how: str) -> None:
    picture, failed = Picture(b"\x89PNG", "image/png"), {how: True}
    host = Listener(result=Result({how: {"code": "refused"}}, (picture,), **failed))
    async with model(plays(reply(use("look")), reply(say("Done.")))) as (claude, api):
        await talk(claude, host)
    (result,) = api.requests[1].results
    assert result["is_error"] is True
    assert [block["type"] for block in result["content"]] == ["text", "image"]
    assert result["content"][1]["source"]["media_type"] == "image/png"


async def test_what_does_not_change_is_cached() -> None:
    script = plays(*(reply(use("look")) for _ in range(3)))
    host = Listener()
    async with model(script) as (claude, api):
        await talk(claude, host)
    for request in api.requests:
        assert request.body["system"][-1]["cache_control"] == {"type": "ephemeral"}
        assert request.body["cache_control"] == {"type": "ephemeral"}
    prefixes = {json.dumps([r.body["system"], r.body["tools"]]) for r in api.requests}
    assert len(prefixes) == 1, "the cached prefix changed"
    assert host.tokens > 0


@pytest.mark.parametrize("fault", [OVERLOADED, LIMITED, FAILED, Fault(0)])
async def test_a_passing_error_costs_nothing_but_time(fault: Fault) -> None:
    script = plays(fault, reply(use("look")), fault, reply(say("Done.")))
    host = Listener()
    async with model(script) as (claude, _):
        assert await talk(claude, host) == "Done."
    assert host.ran == ["look {}"]


@pytest.mark.parametrize("events", [0, 3, 7])
async def test_a_reply_that_breaks_off_is_asked_for_again_and_runs_once(events: int) -> None:
    cut = Reply([use("look", n=0), use("look", n=1)], cut_after=events)
    script = plays(cut, reply(say("I look"), use("look", n=2)), cut, reply(say("Done.")))
    host = Listener()
    async with model(script) as (claude, api):
        assert await talk(claude, host) == "Done."
    assert host.ran == ['look {"n": 2}'], "a call of a broken reply was run"
    assert len(host.again) == 2
    assert [len(request.messages) for request in api.requests] == [1, 1, 3, 3]


async def test_a_model_that_is_gone_is_told_of_and_what_was_done_is_kept() -> None:
    script = plays(reply(use("look")), *(FAILED for _ in range(40)))
    host, history = Listener(), task()
    async with model(script) as (claude, _):
        with pytest.raises(ModelLost, match="does not answer"):
            await talk(claude, host, history)
    assert len(history.messages()) == 3


@pytest.mark.parametrize("fault", [Fault(401, "authentication_error"), Fault(404, "not_found")])
async def test_what_no_other_try_cures_is_not_tried_again(fault: Fault) -> None:
    async with model(plays(*(fault for _ in range(9)))) as (claude, api):
        with pytest.raises(ModelLost) as lost:
            await talk(claude, Listener())
    assert lost.value.value == fault.status
    assert len(api.requests) == 1


async def test_a_tool_that_does_not_exist_is_the_models_mistake() -> None:
    script = plays(reply(use("fly")), lambda request: reply(say(request.said)))
    host = Listener()
    async with model(script) as (claude, _):
        assert "'fly' not found" in await talk(claude, host)
    assert (host.ran, host.heard) == ([], ["fly"])


async def test_calls_of_a_reply_that_was_too_long_are_not_run() -> None:
    cut = Reply([say("I"), use("look")], stop_reason="max_tokens")
    script = plays(cut, lambda request: reply(say(request.said)))
    host = Listener()
    async with model(script) as (claude, _):
        said = await talk(claude, host)
    assert host.ran == []
    assert "was not run" in said
    assert "too long" in said


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
async def test_who_never_says_it_in_a_reply_is_not_done(reason: str) -> None:
    cut = Reply([say("I am done, since")], stop_reason=reason)
    async with model(lambda _: cut) as (claude, api):
        with pytest.raises(ModelLost, match="too long"):
            await talk(claude, Listener())
    assert len(api.requests) == 4


async def test_replies_that_are_too_long_now_and_then_do_not_add_up() -> None:
    cut = Reply([say("I think")], stop_reason="max_tokens")
    async with model(plays(*(reply(use("look")), cut) * 5)) as (claude, _):
        assert await talk(claude, Listener()) == "Done."


async def test_a_refusal_of_the_model_ends_it() -> None:
    refuses = Reply([say("No.")], stop_reason="refusal")
    async with model(plays(refuses)) as (claude, _):
        with pytest.raises(ModelLost, match="refuses"):
            await talk(claude, Listener())


async def test_a_spent_budget_ends_it_after_whole_turns() -> None:
    history = task()
    async with model(lambda _: reply(use("look"))) as (claude, api):
        with pytest.raises(BudgetSpent):
            await talk(claude, Listener(turns=3), history)
    assert len(api.requests) == 3
    assert len(history.messages()) == 1 + 2 * 3


async def test_a_long_history_is_summed_up_by_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "LONG", 600)
    asked: list[str] = []

    def script(request: Request) -> Reply:
        if not request.tools:
            asked.append(request.said)
            return reply(say("The red cube lies left."))
        return reply(say("Done.")) if len(api.requests) > 40 else reply(use("look", text="x" * 99))

    async with model(script) as (claude, api):
        assert await talk(claude, Listener(), task("sort the cubes")) == "Done."
    assert len(asked) >= 2
    assert "x" * 99 in asked[0]
    assert "The red cube lies left." in asked[1], "the first summary was forgotten"
    last = api.requests[-1]
    assert len(last.messages) <= 1 + 2 * 2 * histories.RECENT
    first = last.messages[0]["content"]
    assert "sort the cubes" in first[0]["text"]
    assert "The red cube lies left." in first[1]["text"]


async def test_a_few_turns_that_are_too_long_are_summed_up_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(histories, "TOO_LONG", 30_000)
    host = Listener(result=Result({"read": "y" * 50_000}))

    def script(request: Request) -> Reply:
        if not request.tools:
            return reply(say("It is all y."))
        return reply(say("Done.")) if len(host.ran) > 10 else reply(use("look"))

    async with model(script) as (claude, api):
        assert await talk(claude, host) == "Done."
    sizes = [len(json.dumps(request.body)) / 4 for request in api.requests]
    assert max(sizes) < 60_000


async def test_of_a_result_that_is_too_long_the_model_reads_the_beginning() -> None:
    host = Listener(result=Result({"read": "y" * 10 * LONGEST}))
    async with model(plays(reply(use("look")), reply(say("Done.")))) as (claude, api):
        await talk(claude, host)
    assert len(api.requests[1].said) < 1.01 * LONGEST
    assert "(cut: it has 600012 characters." in api.requests[1].said


async def test_replies_that_break_off_now_and_then_do_not_add_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor where the history is shorter than at the last of them."""
    monkeypatch.setattr(histories, "LONG", 600)
    cut, look = Reply([use("look")], cut_after=3), reply(use("look", text="x" * 99))
    played = plays(*(look for _ in range(12)), cut, cut, cut, look, cut)

    def script(request: Request) -> Reply | Fault:
        return played(request) if request.tools else reply(say("It was dull."))

    host = Listener()
    async with model(script) as (claude, api):
        assert await talk(claude, host) == "Done."
    assert len(host.again) == 4
    assert any(not request.tools for request in api.requests), "it never was shortened"


async def test_old_pictures_go() -> None:
    host = Listener(result=Result({}, (Picture(b"x", "image/jpeg"),)))
    script = plays(*(reply(use("look")) for _ in range(20)))
    async with model(script) as (claude, api):
        await talk(claude, host)
    assert len(api.requests) == 21, "something was summed up that was not long"
    kept = [json.dumps(request.body).count('"type": "image"') for request in api.requests]
    assert max(kept) <= histories.CROWDED + 1
    assert min(kept[10:]) >= histories.PICTURES


def test_without_a_key_there_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Refused) as refused:
        Claude.from_environment()
    assert refused.value.field == "ANTHROPIC_API_KEY"
    assert "handrail agent --pilot" in refused.value.hint
