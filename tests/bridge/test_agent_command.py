"""``handrail agent --stay`` as a user starts, kills and starts it again; no arm behind the door."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from door import Facts, door
from handrail_bridge.client import Client
from handrail_bridge.rig import HANDRAIL
from handrail_bridge.run_dir import RunDir
from messages_api import ModelApi
from scripted_model import Request, reply, say
from waiting import until_async

GOAL = "keep the pick area empty"
LIMIT = 120  # s for all of the test


class Home:
    """Where an agent's process lives, and what its model was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []

    def answer(self, request: Request) -> Any:
        self.asked.append(request.said)
        return reply(say("Noted."))

    @contextlib.asynccontextmanager
    async def stayer(self, api: ModelApi) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            *(*HANDRAIL, "agent", "--stay", GOAL, "--name", "stayer"),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **api.environment},
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def dealt_with(self, wakes: int) -> None:
        """Wait until so many wakes are over, and written down so."""
        memory = self.folder / "handrail" / "desk" / "agents" / "stayer.db"

        def over() -> bool:
            with contextlib.closing(sqlite3.connect(memory)) as base:
                found = base.execute("SELECT count(*), sum(done) FROM wakes").fetchone()
            return bool(found == (wakes, wakes))

        await until_async(over)


@pytest.mark.long
async def test_it_says_that_it_stays_and_a_kill_repeats_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    home, cell = Home(tmp_path), RunDir("desk")
    async with asyncio.timeout(LIMIT), door(tmp_path, Facts()) as address:
        cell.publish(address, ())
        with ModelApi.running(home.answer) as api:
            for wakes, text in enumerate(("How many cubes?", "And now?"), 1):
                async with home.stayer(api) as process, Client.connect(address) as rail:
                    assert process.stderr is not None
                    said = (await process.stderr.readline()).decode()
                    assert said.startswith("stayer stays at desk; open goals: 1; mail wakes it")
                    await home.dealt_with(wakes)
                    await rail.send_mail("ann", "stayer", text)
                    await home.dealt_with(wakes + 1)
                    process.kill()
            async with home.stayer(api) as process:
                assert process.stderr is not None
                await process.stderr.readline()
                process.send_signal(signal.SIGINT)
                assert await process.wait() == 130
    cell.close()
    assert len(home.asked) == 3, "a wake came twice"
    assert GOAL in home.asked[0]
    assert ["How many" in home.asked[1], "And now" in home.asked[2]] == [True, True]
