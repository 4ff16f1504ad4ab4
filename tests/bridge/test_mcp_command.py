"""What ``handrail mcp`` serves beside the flat set: mail, and one tool per operation."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest
from handrail_bridge.agents.toolset import ToolSet
from handrail_bridge.bench.modbus.children import child
from handrail_bridge.cli.mcp import mcp
from handrail_bridge.client import Client as Rail
from handrail_bridge.mcp.approval import Person
from handrail_bridge.mcp.server import McpServer
from handrail_drivers.errors import InvalidValue
from mcp import StdioServerParameters
from mcp.client import Client
from stand_in_rail import StandInOperator, StandInRail

NAMED = ("--http", "127.0.0.1:0", "--name", "night watch")


@pytest.fixture
def address() -> Iterator[str]:
    """A bridge's door with a mailbox behind it, and no arm, in a process of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="hr-") as folder,  # short: Unix socket paths are
        child("tools.door", folder) as door,
    ):
        yield door.line()


@pytest.mark.parametrize("more", [[], ["--each"]])
async def test_mail_is_read_and_written_over_mcp(address: str, more: list[str]) -> None:
    command = ["-m", "handrail_bridge.cli.main", "mcp", "--address", address, *more]
    server = StdioServerParameters(command=sys.executable, args=command)
    async with Rail.connect(address) as rail, Client(server) as one:
        sent = await one.call_tool("mail_send", {"to": "ann", "text": "Three cubes."})
        number = sent.structured_content["number"]
        (mail,) = await rail.mail("ann")
        assert (mail.number, mail.text, mail.by_operator) == (number, "Three cubes.", False)
        assert mail.sender.startswith("MCP server ")
        await rail.send_mail("ann", mail.sender, "Which?", answers=number)
        await rail.send_mail("ann", "bob", "Not for you.")
        told = (await one.call_tool("mail_list", {"after": number})).structured_content["mail"]
        assert len(told) == 1
        assert "Which?" in told[0]
        everybody = await one.call_tool("mail_list", {"everybody": True})
        assert len(everybody.structured_content["mail"]) == 3
        assert (await one.call_tool("mail_send", {"to": "ann", "text": ""})).is_error
        assert len(await rail.mail("ann")) == 1


@pytest.fixture
def outlived(address: str) -> Iterator[str]:
    """The URL of a server with a name, whose starter has ended."""
    command = [sys.executable, "-m", "handrail_bridge.cli.main", "mcp", "--address", address]
    shell = subprocess.Popen(  # it waits for a line that never comes
        ["sh", "-c", '"$@" & echo $!; read _', "-", *command, *NAMED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert shell.stdin is not None
    assert shell.stdout is not None
    assert shell.stderr is not None
    server = int(shell.stdout.readline())
    try:
        url = shell.stderr.readline().removeprefix("MCP on ").strip()
        shell.stdin.close()
        shell.wait()
        yield url
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server, signal.SIGTERM)
        assert "Traceback" not in shell.stderr.read()  # to its end: the server has ended, too
        shell.stdout.close()
        shell.stderr.close()


async def test_a_named_server_gets_its_mail_and_over_http_outlives_its_starter(
    address: str, outlived: str
) -> None:
    async with Rail.connect(address) as rail:
        await rail.send_mail("ann", "night watch", "Anything new?")
    async with Client(outlived) as one:
        assert 'You are "night watch"' in (one.instructions or "")
        (told,) = (await one.call_tool("mail_list", {})).structured_content["mail"]
        assert "Anything new?" in told


@pytest.mark.parametrize("name", ["x" * 81, "two\nlines", " ann"])
def test_a_name_that_nobody_could_write_to_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="printable"):
        mcp("127.0.0.1:1", name=name)


def test_files_in_the_place_of_pipes_are_refused(address: str) -> None:
    command = [sys.executable, "-m", "handrail_bridge.cli.main", "mcp", "--address", address]
    ended = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert b"needs pipes, not files" in ended.stderr


@pytest.mark.parametrize("protocol", ["auto", "legacy"])
async def test_one_tool_per_operation_runs_what_was_approved_meanwhile(protocol: str) -> None:
    """The hint of a client that cannot ask is good: approve the number, call again."""
    rail = StandInRail()
    rail.asks = ("Every plan of this cell needs approval.",)
    operator = StandInOperator(rail)
    tools = await ToolSet.of(rail, "me", each=True)  # type: ignore[arg-type]  # its stand-in
    server = McpServer(tools, Person(operator)).sdk  # type: ignore[arg-type]
    async with Client(server, mode=protocol) as one:  # type: ignore[arg-type]
        for _ in range(2):
            refused = await one.call_tool("arm_home", {})
            assert refused.is_error
            assert "handrail approve 7" in str(refused.content)
        assert len(list(tools.plans)) == 1, "each call asks for another approval"
        assert rail.executed == []
        other = await one.call_tool("arm_home", {"speed": 0.5})
        assert other.is_error, "another plan is another question"
        operator.decisions = [None]  # type: ignore[list-item]  # decided: no card is left
        rail.said.set()
        done = await one.call_tool("arm_home", {})
        assert done.structured_content["completed"]
        assert [plan["steps"] for plan, _ in rail.executed] == [[{"tool": "arm_home"}]]
