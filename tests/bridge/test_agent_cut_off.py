"""Acts that were cut off: what the bridge's audit log says of them, and where nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from handrail_bridge.agents import agent as agents
from handrail_bridge.agents.agent import cut_off
from handrail_bridge.agents.memory import Memory
from handrail_bridge.rail.audit import AuditLog


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    memory = Memory(tmp_path, "robot")
    yield memory
    memory.close()


def test_the_bridges_log_tells_what_became_of_an_act(memory: Memory, tmp_path: Path) -> None:
    episode = memory.begin_episode()
    for digest in ("done", "refused", "moving", "never", ""):
        memory.begin_act(episode, "plan_run", {"plan": digest}, digest)
    log = AuditLog(tmp_path)
    for digest in ("done", "refused", "moving"):
        log.append("execute", id=f"id-{digest}", plan_digest=digest)
    log.append("receipt", id="id-done", completed=True, reason="")
    log.append("refused", id="id-refused", error={"message": "The permit has expired."})
    log.close()
    found = list(cut_off(memory.uncertain(), log.path).values())
    ends = ["moved: ran to its end", "nothing moved: The permit has expired.", "not how it ended"]
    ends += ["no such motion: nothing moved", "nobody knows what became of it"]
    assert [sentence.endswith(end) for sentence, end in zip(found, ends, strict=True)] == [True] * 5


def test_an_older_motion_of_the_same_plan_says_nothing_of_an_act(
    memory: Memory, tmp_path: Path
) -> None:
    log = AuditLog(tmp_path)
    log.append("execute", id="old", plan_digest="home")
    log.append("receipt", id="old", completed=True, reason="")
    log.close()
    memory.begin_act(memory.begin_episode(), "plan_run", {"plan": "p"}, "home")
    (sentence,) = cut_off(memory.uncertain(), log.path).values()
    assert sentence.endswith("nothing moved")


@pytest.mark.parametrize("since", ["scrolled", "set back", "set back since"])
def test_a_log_that_does_not_reach_back_says_nothing_of_an_act(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, since: str
) -> None:
    """It moved, and the log says so; but not within what is read of it, or at an earlier time."""
    monkeypatch.setattr(agents, "LAST", 3)
    clock = [1000.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    log = AuditLog(tmp_path)
    if since != "set back since":
        log.append("note", what="armed")
    memory.begin_act(memory.begin_episode(), "plan_run", {"plan": "p"}, "home")
    clock[0] += 1 if since == "scrolled" else -10
    log.append("execute", id="r1", plan_digest="home")
    for _ in range(3 if since == "scrolled" else 0):
        log.append("note", what="later")
    log.close()
    (sentence,) = cut_off(memory.uncertain(), log.path).values()
    assert sentence.endswith("nobody knows if it moved")


def test_a_log_that_was_read_far_enough_says_that_nothing_moved(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agents, "LAST", 3)
    log = AuditLog(tmp_path)
    for _ in range(5):
        log.append("note", what="earlier")
    memory.begin_act(memory.begin_episode(), "plan_run", {"plan": "p"}, "home")
    log.append("note", what="later")
    log.close()
    (sentence,) = cut_off(memory.uncertain(), log.path).values()
    assert sentence.endswith("no such motion: nothing moved")


def test_without_a_log_nobody_knows(memory: Memory, tmp_path: Path) -> None:
    memory.begin_act(memory.begin_episode(), "plan_run", {"plan": "p"}, "home")
    (sentence,) = cut_off(memory.uncertain(), tmp_path / "audit.db").values()
    assert "cannot be" in sentence
