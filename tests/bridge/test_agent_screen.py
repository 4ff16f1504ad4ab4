"""What a model writes is shown on the terminal; it moves no cursor and hides nothing there."""

from __future__ import annotations

import json

import pytest
from handrail_bridge.agents.own_tools import Asking, tools_of
from handrail_bridge.agents.results import Result
from handrail_bridge.cli.screen import Terminal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HOSTILE = "\x1b[2J\x1b]0;owned\x07 \u202egnp.\u200b [bold]approved[/bold] \r"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=80) | st.just(HOSTILE))
def test_no_word_of_a_model_steers_the_terminal(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    screen = Terminal()
    screen.said(text)
    screen.calls(text, {text: text})
    screen.answered(Result({"refused": {"code": "refused", "message": text}}, refused=True))
    screen.answered(Result({"unknown": {"code": "process_lost", "message": text}}, unknown=True))
    screen.answered(Result({"text": text}))
    screen.retries(text)
    shown = capsys.readouterr().err
    assert all(sign.isprintable() or sign == "\n" for sign in shown)


def test_what_a_call_hides_shows(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().calls("plan_run", {"plan": "plan-\u202e1\u200b"})
    assert "\\u202e1\\u200b" in capsys.readouterr().err


async def test_where_nobody_sits_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    (ask,) = tools_of(Asking(Terminal().ask))
    assert (await ask.call({"question": "Which bin?"})).data == {"nobody": "nobody answers here"}
    asked: list[str] = []

    async def person(question: str) -> str:
        asked.append(question)
        return "The left one."

    (ask,) = tools_of(Asking(person))
    assert (await ask.call({"question": "Which bin?"})).data == {"answer": "The left one."}
    refused = await ask.call({"question": "", "approve": True})
    assert refused.refused
    assert json.loads(refused.text)["refused"]["code"] == "invalid_value"
    assert asked == ["Which bin?"]
