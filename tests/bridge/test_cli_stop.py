"""Which bridge a command means where several run; a stop means all of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from handrail_bridge import run_dir
from handrail_bridge.cli import calls
from handrail_bridge.cli.main import app
from handrail_bridge.client import Client
from handrail_drivers.errors import ProcessLost
from typer.testing import CliRunner

NOBODY = "127.0.0.1:1"  # where no bridge listens
LOOP = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
print("ready", flush=True)
print(signal.sigwait({signal.SIGUSR1}).name, flush=True)
"""
COMMANDS = (
    *(["tools"], ["call", "look"], ["state"], ["stop"], ["arm"], ["disarm"], ["reset"], ["park"]),
    *(["lease", "show"], ["lease", "revoke"], ["approve"], ["mcp"]),
    *(["agent", "--pilot"], ["agent", "sort"], ["mail", "list"], ["mail", "send", "ann", "Hello."]),
)


@pytest.fixture
def loops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """The loops of two bridges, both of which do not answer, by cell."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    command = [sys.executable, "-c", LOOP, run_dir.LOOP.decode()]
    started = {
        cell: subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for cell in ("desk", "line")
    }
    folders = []
    for cell, process in started.items():
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        folders.append(run_dir.RunDir(cell))
        folders[-1].publish(NOBODY, (process.pid,))
    yield started
    for folder in folders:
        folder.close()
    for process in started.values():
        process.kill()
        process.communicate()


def signal_to(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_stop_stops_every_cell(loops: dict[str, subprocess.Popen[str]]) -> None:
    result = CliRunner().invoke(app, ["stop", "--json"])
    assert result.exit_code == 1, "nobody answered: who knows whether all stands?"
    told = {"mode": None, "loops_signalled": 1}
    assert json.loads(result.stdout) == dict.fromkeys(loops, told)
    assert {signal_to(process) for process in loops.values()} == {"SIGUSR1"}


def test_the_loops_hear_of_it_before_a_bridge_that_may_hang(
    loops: dict[str, subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    def connect(_: str) -> Client:
        heard.extend(signal_to(process) for process in loops.values() if len(heard) < len(loops))
        raise ProcessLost("It hangs.")

    monkeypatch.setattr(calls.Client, "connect", connect)
    said = CliRunner().invoke(app, ["stop"])
    assert heard == ["SIGUSR1"] * 2
    assert said.stdout.count("the bridge does not answer; 1 of its loops got the signal") == 2


def test_a_stop_of_one_cell_leaves_the_other_alone(
    loops: dict[str, subprocess.Popen[str]],
) -> None:
    result = CliRunner().invoke(app, ["stop", "--cell", "line", "--json"])
    assert list(json.loads(result.stdout)) == ["line"]
    assert signal_to(loops["line"]) == "SIGUSR1"
    assert loops["desk"].poll() is None


@pytest.mark.usefixtures("loops")
def test_every_command_can_say_which_cell_it_means(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "of nobody")
    for command in COMMANDS:
        found = CliRunner().invoke(app, [*command, "--cell", "nowhere"]).exception
        assert isinstance(found, ProcessLost), command
        assert found.message == "No bridge of the cell 'nowhere' is running."
        assert found.choices == ("desk", "line")
        if command != ["stop"]:
            unsure = CliRunner().invoke(app, command).exception
            assert isinstance(unsure, ProcessLost), command
            assert "--cell" in unsure.hint
