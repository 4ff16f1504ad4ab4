"""``handrail mcp`` as MCP clients start it, on a cell in the twin: the last word has the world."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from handrail_bridge.rail.audit import NAME, read
from handrail_bridge.rig import HANDRAIL
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp_rig import (
    HELLO,
    cancel_in_motion,
    checked,
    inspected,
    mcp_processes,
    message,
    moving,
    port_of,
    posted,
    released,
    sent,
    server,
    turn,
)
from mcp_types import ElicitRequestParams, ElicitResult, ImageContent
from running_cell import RunningCell, assert_stood_at_once, twin_and_wires
from waiting import until, until_async

APPROVAL = """
[approval]
tools = ["gripper_set"]
elicitation = true
timeout = 20.0

[loop]"""
PROTOCOLS = ("auto", "legacy")
AND_LATER_THE_LEGACY = pytest.mark.parametrize(
    "protocol", ["auto", pytest.param("legacy", marks=pytest.mark.long)]
)
GRIP = {"steps": [{"tool": "gripper_set", "gap": 0.03}]}


@pytest.fixture(scope="module")
def wires() -> Iterator[RunningCell]:
    """A desk where a person approves what the gripper does, at the MCP client too."""
    with twin_and_wires(("[loop]", APPROVAL.strip())) as cell:
        yield cell


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def url(cell: RunningCell) -> Iterator[str]:
    """The address of a server that speaks HTTP."""
    command = [*HANDRAIL, "mcp", "--http", "127.0.0.1:0"]
    serving = subprocess.Popen(command, env=cell.environment, stderr=subprocess.PIPE, text=True)
    assert serving.stderr is not None
    yield serving.stderr.readline().removeprefix("MCP on ").strip()
    serving.terminate()
    _, said = serving.communicate(timeout=20)
    assert serving.returncode == 0
    assert "Traceback" not in said


async def test_a_task_from_look_to_receipt(cell: RunningCell, url: str, protocol: str) -> None:
    await cell.home()
    told: list[float] = []

    async def progress(fraction: float, *_: Any) -> None:
        told.append(fraction)

    async with Client(url, mode=protocol) as one:
        seen = await one.call_tool("look", {})
        picture = await one.call_tool("picture", {})
        post = {"tool": "arm_move_to_pose", "position": [0.24, -0.05, 0.05]}
        refused = await one.call_tool("plan_check", {"steps": [post]})
        plan = turn(cell)
        handle = await checked(one, plan)
        run = await one.call_tool("plan_run", {"plan": handle}, progress_callback=progress)
    assert seen.structured_content["objects"]["blue_cube"]["source"] == "seen"
    assert isinstance(picture.content[1], ImageContent)
    assert refused.structured_content["violations"][0]["subject"] == "gripper and post"
    assert run.structured_content["goal_met"]
    assert told
    wanted = plan["steps"][0]["positions"]["shoulder_pan"]
    assert cell.joints()["shoulder_pan"] == pytest.approx(wanted, abs=0.05)


@AND_LATER_THE_LEGACY
async def test_cancelling_a_call_over_http_stops_the_arm(
    cell: RunningCell, url: str, protocol: str
) -> None:
    await cell.arm()
    async with Client(url, mode=protocol) as one:
        await cancel_in_motion(one, cell)


async def test_a_killed_server_stops_what_it_moved(cell: RunningCell) -> None:
    await cell.arm()
    stood = False
    with contextlib.suppress(MCPError, ExceptionGroup):  # the client's own words for it
        async with Client(server(cell)) as one, moving(one, cell):
            (child,) = mcp_processes(os.getpid())
            since = time.monotonic()
            child.kill()
            await asyncio.to_thread(assert_stood_at_once, cell, since)
            await released(cell)
            stood = True
    assert stood


def test_it_ends_with_its_parent_even_where_its_input_stays_open(cell: RunningCell) -> None:
    inside, outside = os.pipe()
    command = f"import subprocess, sys; subprocess.run({[*HANDRAIL, 'mcp']!r}, stdin={inside})"
    parent = subprocess.Popen(
        [sys.executable, "-c", command],
        pass_fds=[inside],
        stdout=subprocess.PIPE,
        env=cell.environment,
    )
    os.close(inside)
    os.write(outside, message("initialize", HELLO))
    assert parent.stdout is not None
    assert json.loads(parent.stdout.readline())["result"]["serverInfo"]["name"] == "handrail"
    (orphan,) = mcp_processes(parent.pid)
    parent.kill()
    parent.communicate()
    orphan.wait(20)
    os.close(outside)


async def test_a_client_that_vanishes_from_http_stops_the_arm(cell: RunningCell, url: str) -> None:
    """The legacy protocol has no word for it: the connection just ends."""
    await cell.arm()
    async with Client(url, mode="legacy") as one:
        handle = await checked(one, turn(cell, 0.1))
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(url))
    answer = await posted(reader, writer, message("initialize", HELLO))
    named = next(line for line in answer if line.lower().startswith("mcp-session-id"))
    params = {"name": "plan_run", "arguments": {"plan": handle}}
    since = time.monotonic()
    await sent(writer, message("tools/call", params, 2), named)
    await asyncio.to_thread(until, lambda: cell.moved_since(since) > 0.05)
    since = time.monotonic()
    writer.close()
    await asyncio.to_thread(assert_stood_at_once, cell, since, 0.2)
    await released(cell)


# --- a person at the client -----------------------------------------------------------------------


@AND_LATER_THE_LEGACY
async def test_what_a_person_says_at_the_client_counts_and_the_log_says_by_which_road(
    cell: RunningCell, protocol: str
) -> None:
    await cell.arm()
    await until_async(cell.stands)
    before, answers = cell.joints(), [False, True]
    seen: list[str] = []

    async def answer(_: Any, params: ElicitRequestParams) -> ElicitResult:
        seen.append(params.message)
        return ElicitResult(action="accept", content={"approve": answers.pop(0)})

    async with Client(server(cell), mode=protocol, elicitation_callback=answer) as one:  # type: ignore[arg-type]
        refused = await one.call_tool("plan_run", {"plan": await checked(one, GRIP)})
        assert "was refused by" in str(refused.content)
        assert cell.joints() == pytest.approx(before, abs=0.02)
        run = await one.call_tool("plan_run", {"plan": await checked(one, GRIP)})
        assert run.structured_content["completed"], run
        entries = read(cell.folder / "handrail" / "desk" / NAME, 4)
        await cancel_in_motion(one, cell)
    assert "open or close the gripper to 30 mm" in seen[0]
    assert [entry.event for entry in entries] == ["asked", "decided", "execute", "receipt"]
    assert entries[1].body["road"] == "elicitation"
    assert "at MCP client" in entries[3].body["approver"]


# --- a client that none of us wrote ---------------------------------------------------------------


async def test_the_inspector_takes_it_over_stdio_and_http(cell: RunningCell, url: str) -> None:
    async def asked(target: list[str], *arguments: str) -> Any:
        return await asyncio.to_thread(inspected, cell, target, *arguments)

    listed = await asked([*HANDRAIL, "mcp"], "--method", "tools/list")
    tools = {tool["name"]: tool for tool in listed["tools"]}
    assert tools["plan_run"]["annotations"]["destructiveHint"]
    assert tools["state"]["annotations"]["readOnlyHint"]
    call = ("--method", "tools/call", "--tool-name")
    picture = await asked([url], *call, "picture", "--tool-arg", "max_width=64")
    assert [part["type"] for part in picture["content"]] == ["text", "image"]
    steps = 'steps=[{"tool": "arm_home"}]'
    verdict = await asked([url], *call, "plan_check", "--tool-arg", steps)
    assert verdict["structuredContent"]["passed"]
    safety = await asked([url], "--method", "resources/read", "--uri", "handrail://safety")
    assert "elbow_flex" in safety["contents"][0]["text"]


# --- who may come in, and what goes out -----------------------------------------------------------


async def test_a_page_of_another_host_cannot_reach_it(url: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(url))
    body = message("tools/list", {})
    head = f"POST /mcp HTTP/1.1\r\nHost: evil.example\r\nContent-Length: {len(body)}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
    assert b"421" in await reader.readline()
    writer.close()


def test_nothing_but_the_protocol_is_on_standard_output(cell: RunningCell) -> None:
    garbage = b"\xff not JSON\n[]\n"
    started = subprocess.Popen(
        [*HANDRAIL, "mcp", "--each"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=cell.environment,
    )
    out, _ = started.communicate(garbage + message("initialize", HELLO), timeout=30)
    assert started.returncode == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["jsonrpc"] for line in lines] == ["2.0"] * len(lines)
    assert lines[-1]["result"]["serverInfo"]["name"] == "handrail"
