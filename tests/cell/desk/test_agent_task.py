"""``handrail agent`` at a real cell: it mends its plans, spends no more than it may, stops."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import inspect_robots
import pytest
from agent_rig import STILL, Recorder, at_home, employed, log_of, turn, work
from handrail_bridge.agents.agent import Task
from handrail_bridge.agents.budget import Limits
from handrail_bridge.agents.memory import Memory
from handrail_bridge.agents.prompts import RAIL
from handrail_bridge.evaluation import embodiment
from handrail_bridge.evaluation.task import desk_task
from handrail_bridge.loop.state import Mode
from handrail_bridge.rig import HANDRAIL
from handrail_bridge.run_dir import state_dir
from messages_api import ModelApi
from running_cell import RunningCell, assert_stood_at_once
from scripted_model import Reply, Request, plays, reply, say, use
from waiting import until

END = 90.0  # s, for a command on a busy machine
SLOW = 0.05  # of the full speed: seconds of motion, and not many of checking
HOME = -0.98  # rad, of the shoulder


def run(request: Request) -> Any:
    """Run the plan that was just checked."""
    return reply(use("plan_run", plan=request.answer["plan"]))


def check(pan: float, speed: float = 0.6, **more: Any) -> Any:
    return reply(use("plan_check", steps=[turn(pan, speed)], **more))


def aside(cell: RunningCell) -> float:
    """Half a radian to the side where the base is not."""
    return 0.7 if cell.joints()["shoulder_pan"] > 0.95 else 1.2


@pytest.fixture
async def armed(cell: RunningCell) -> RunningCell:
    """The cell, armed and at rest near home."""
    await cell.arm()
    if abs(cell.joints()["shoulder_lift"] - HOME) > 0.2:
        await cell.home()
    await asyncio.to_thread(until, cell.stands)
    return cell


async def moving(cell: RunningCell) -> None:
    """Wait until the true arm moves."""
    since = time.monotonic()
    await asyncio.to_thread(until, lambda: cell.moved_since(since) > STILL, END)


async def settled(cell: RunningCell) -> Mode:
    """The mode once nothing moves or slows down any more."""
    async with cell.agent() as rail, contextlib.aclosing(rail.watch(50)) as states:
        async for state in states:
            if state.mode not in (Mode.MOVING, Mode.STOPPING):
                return state.mode
    raise AssertionError("the bridge has gone")


# -- one task --------------------------------------------------------------------------------


async def test_it_reads_a_refusal_mends_its_plan_and_runs_it(armed: RunningCell) -> None:
    to = aside(armed)

    def mend(request: Request) -> Any:
        refused = request.answer["refused"]
        assert (refused["field"], refused["unit"]) == ("steps[0].positions.shoulder_pan", "rad")
        assert refused["limit"] == pytest.approx(1.92, abs=0.01)
        goal = {"predicate": "joint_in_range", "joint": "shoulder_pan", "low": to - 0.1}
        return check(to, goal=[{**goal, "high": to + 0.1}])

    def sum_up(request: Request) -> Any:
        return reply(say(f"Goal met: {request.answer['goal_met']}."))

    script = plays(reply(use("look"), use("picture")), check(40.0), mend, run, sum_up)
    ended, screen = await work(armed, script)
    assert ended.said == "Goal met: True."
    assert armed.joints()["shoulder_pan"] == pytest.approx(to, abs=0.06)
    assert "red_cube_a" in screen.results[0].data["objects"]
    assert screen.results[1].pictures[0].mime_type == "image/jpeg"
    (act,) = ended.acts
    receipt = next(e for e in reversed(log_of(armed)) if e.event == "receipt")
    assert act.outcome == f"ran to its end; goal met; receipt {receipt.body['id']}"
    assert act.plan_digest == receipt.body["plan_digest"]
    assert 0.05 < ended.budget.metres < 0.3, "the way of the TCP"


async def test_metres_that_are_spent_stop_the_arm_on_its_way(armed: RunningCell) -> None:
    before, to = armed.joints()["shoulder_pan"], aside(armed)
    ended, screen = await work(armed, plays(check(to, 0.3), run), Limits(metres=0.03))
    assert (ended.code, screen.codes) == ("budget_spent", [])
    assert "metres is spent" in screen.results[-1].data["unknown"]["message"]
    assert ended.acts[0].became == "nobody knows whether it was done", "it has moved"
    await asyncio.to_thread(until, armed.stands)
    assert 0.03 < abs(armed.joints()["shoulder_pan"] - before) < 0.3
    assert await settled(armed) == Mode.ARMED, "a budget is no emergency"


@pytest.mark.long
async def test_what_is_cancelled_stops_the_arm_and_says_so(armed: RunningCell) -> None:
    """As a budget of seconds does."""
    to = aside(armed)
    working = asyncio.create_task(work(armed, plays(check(to, SLOW), run), name="hasty"))
    await moving(armed)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await asyncio.to_thread(until, armed.stands)
    assert abs(armed.joints()["shoulder_pan"] - to) > 0.1
    with at_home(armed):
        memory = Memory(state_dir("desk"), "hasty")
    (act,) = memory.acts(1)
    assert act.became == "nobody knows whether it was done", "who has measured it?"
    memory.close()
    assert await settled(armed) == Mode.ARMED


# -- ends from outside -----------------------------------------------------------------------


def command(
    cell: RunningCell, api: ModelApi, *arguments: str, output: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    """Start ``handrail agent`` as a user does."""
    return subprocess.Popen(
        [*HANDRAIL, "agent", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        env={**cell.environment, **api.environment},
    )


async def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, errors = await asyncio.to_thread(process.communicate, timeout=END)
    return process.returncode, out, errors


@pytest.mark.long
async def test_the_command_shows_what_is_said_and_what_was_measured(armed: RunningCell) -> None:
    checks = Reply([say("I turn \x1b[31mthe base."), *check(aside(armed)).content])
    with ModelApi.running(plays(checks, run, reply(say("Done.")))) as api:
        code, out, errors = await ended(command(armed, api, "turn", "--json"))
    told = json.loads(out)
    assert (code, told["ended"], told["said"]) == (0, "done", "Done.")
    assert told["acts"][0]["outcome"].startswith("ran to its end")
    assert "I turn" in errors
    assert "\x1b[31m" not in errors, "what a model writes reached the terminal"
    assert "> plan_check" in errors


async def test_ctrl_c_stops_the_arm_first_and_the_model_after(armed: RunningCell) -> None:
    script = plays(check(aside(armed), SLOW), run)
    with ModelApi.running(script) as api:
        process = command(armed, api, "turn slowly")
        await moving(armed)
        since = time.monotonic()
        process.send_signal(signal.SIGINT)
        code, out, errors = await ended(process)
        assert len(api.requests) == 2, "the model was asked once more"
    assert (code, "stopped" in out) == (130, True), errors
    assert_stood_at_once(armed, since)
    async with armed.agent() as rail:
        state = await rail.state()
    assert state.mode == Mode.STOPPED
    assert "Ctrl-C" in state.reason


@pytest.mark.long
async def test_an_act_that_was_cut_off_is_looked_at_and_not_repeated(armed: RunningCell) -> None:
    """kill -9 in mid-motion; the next one is told, and may move only after it has looked."""
    to = aside(armed)
    with ModelApi.running(plays(check(to, SLOW), run)) as api:
        process = command(armed, api, "turn slowly", "--name", "mortal")
        await moving(armed)
        process.kill()
        await ended(process)
    await asyncio.to_thread(until, armed.stands)
    with at_home(armed):
        memory = Memory(state_dir("desk"), "mortal")
        (act,) = memory.uncertain()
        memory.close()
    stood, opening = armed.joints()["shoulder_pan"], []

    def hurry(request: Request) -> Any:
        opening.append(request.said)
        return check(to)

    def look(request: Request) -> Any:
        refused = request.answer["refused"]
        assert "cut off" in refused["message"]
        assert armed.joints()["shoulder_pan"] == pytest.approx(stood, abs=STILL)
        return reply(use("look"), use("plan_check", steps=[turn(to)]))

    screen = Recorder()
    async with employed(armed, plays(hurry, run, look, run), "mortal") as (agent, _):
        done = await agent.work(Task(RAIL, "go on"), Limits(), screen)
        assert agent.memory.uncertain() == []
        (settled,) = [one for one in agent.memory.acts(act.episode) if one.id == act.id]
    assert done.done
    assert f"{act.tool} {act.arguments}" in opening[0]
    assert "that it moved" in opening[0], "the bridge's log was not asked"
    assert "looked at afterwards" in settled.outcome
    assert [one.outcome.split(";")[0] for one in done.acts] == ["ran to its end"]
    assert armed.joints()["shoulder_pan"] == pytest.approx(to, abs=0.06)


# -- without a key ---------------------------------------------------------------------------


@pytest.mark.long
def test_without_a_key_it_says_so_and_offers_the_pilot(cell: RunningCell) -> None:
    bare = {k: v for k, v in os.environ.items() if not k.startswith("ANTHROPIC")}
    said = subprocess.run(
        [*HANDRAIL, "agent", "put the red cube in the left bin"],
        capture_output=True,
        text=True,
        env={**bare, "XDG_RUNTIME_DIR": str(cell.folder), "XDG_STATE_HOME": str(cell.folder)},
        timeout=END,
        check=False,
    )
    assert said.returncode == 1
    assert "no ANTHROPIC_API_KEY" in said.stderr.replace("There is ", "")
    assert "handrail agent --pilot" in said.stderr


def test_a_scene_of_the_evaluation_is_scored_by_the_world(
    cell: RunningCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both policies say that they have done it. 1.5 is degrees: the rail cannot know that."""
    here = contextlib.nullcontext(cell)
    monkeypatch.setattr(embodiment, "running", lambda *_: here)
    found = []
    for policy in ("handrail_careful", "handrail_careless"):
        task = desk_task(only="units")
        (log,) = inspect_robots.eval(task, policy, "handrail_desk", log_dir=str(tmp_path))
        assert log.status == "success", log.error
        (sample,) = log.samples
        assert sample.termination_reasons == ("I have done all of it.",)
        found.append((sample.reduced["handrail_done"], sample.reduced["handrail_unharmed"]))
    assert found == [(1.0, 1.0), (0.0, 1.0)]
