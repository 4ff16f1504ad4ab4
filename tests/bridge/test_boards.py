"""The bridge's end of boards: signals of their streams, tools that appear, safe values."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from importlib import resources
from pathlib import Path

import pytest
from board_process import BoardProcess
from handrail_bridge.devices.boards import Boards, streamed_names
from handrail_bridge.loop.settings import input_configs
from handrail_bridge.rail.requests import parse_plan
from handrail_bridge.tools import Tools
from handrail_drivers.errors import BoardSilent, NotArmed, Refused, UnknownName
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from virtual_board import GREEN, STOP, compiled
from waiting import until_async

DEVICE = """
[devices.tower]
driver = "board"
without_power = "holds"
[devices.tower.settings]
port = "/dev/ttyNONE"
wait = 0.2
streams = {{ emergency_stop = 100 }}

[reflexes.tower_stop]
kind = "digital_input"
signal = "{signal}"
age = 0.4

[arm]
"""


def cell(folder: Path, signal: str = "tower.emergency_stop") -> Cell:
    text = (resources.files("handrail_sim") / "cells" / "desk.toml").read_text()
    file = folder / "tower.toml"
    file.write_text(text.replace("\n[arm]\n", DEVICE.format(signal=signal)))
    return load_cell(file)


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    return compiled(tmp_path_factory.mktemp("board") / "board", "-O1")


@contextlib.asynccontextmanager
async def configuring(_what: str):
    yield


class Senses:
    """No tool of the bridge's own."""


def test_what_a_board_streams_is_a_signal_and_a_sensor(tmp_path):
    found = cell(tmp_path)
    assert streamed_names(found) == ("tower.emergency_stop",)
    assert all("tower" not in config.device for config in input_configs(found, {}))
    predicate = {
        "predicate": "sensor_in_range",
        "sensor": "tower.emergency_stop",
        "low": 1,
        "high": 1,
    }
    step = {"tool": "wait", "seconds": 0.1, "expect": [predicate]}
    parse_plan(json.dumps({"steps": [step]}), found)


def test_a_reflex_that_looks_at_nothing_is_told_what_there_is(tmp_path):
    with pytest.raises(UnknownName) as unknown:
        input_configs(cell(tmp_path, "tower.emergency_stp"), {})
    assert unknown.value.hint == "use 'tower.emergency_stop'"


async def test_tools_appear_once_the_board_is_there_and_its_signals_are_told(tmp_path, program):
    found, signals, stopped = cell(tmp_path), {}, [False]
    with BoardProcess(program) as process:
        process.power_off()
        boards = Boards(
            found,
            {"tower": process.path},
            lambda name, value, at: signals.update({name: (value, at)}),
            lambda: stopped[0],
        )
        tools = Tools(found, Senses(), dict(boards.opened), configuring, None)
        await boards.start(tools.renew)
        assert "tower_read_board" in tools.listed
        assert "tower_set_lamp_green" not in tools.listed
        with pytest.raises(BoardSilent):
            await tools.call("tower_read_board", "{}")
        assert boards.notices() == ("tower: not connected, no board answers at its port",)

        process.power_on()
        await until_async(lambda: "tower_set_lamp_green" in tools.listed)
        await until_async(lambda: boards.notices() == ())
        await until_async(lambda: signals.get("tower.emergency_stop", (0.0,))[0] == 1.0)
        assert signals["tower.emergency_stop"][1] <= time.monotonic_ns()
        await asyncio.to_thread(process.order, f"pin {STOP} 1")
        await until_async(lambda: signals["tower.emergency_stop"][0] == 0.0)
        with pytest.raises(Refused, match="no check knows how it moves"):
            await tools.call("tower_set_pusher", '{"value": 0.1}')

        await tools.call("tower_set_lamp_green", '{"value": true}')
        await asyncio.to_thread(process.await_change, GREEN, 1)
        stopped[0] = True
        assert await boards.stop() == [""]
        await asyncio.to_thread(process.await_change, GREEN, 0)
        with pytest.raises(NotArmed, match="lamp_green of tower keeps its safe value"):
            await tools.call("tower_set_lamp_green", '{"value": true}')
        await tools.call("tower_set_lamp_green", '{"value": false}')
        boards.mute()
        signals.clear()
        await asyncio.to_thread(process.order, f"pin {STOP} 0")
        await until_async(lambda: boards.opened["tower"].latest("emergency_stop").value == 1.0)
        assert signals == {}
        await boards.close()


async def test_what_a_lost_board_said_counts_no_more_at_once(tmp_path, program):
    """And not after the reflex's age, which allows for a bridge that is held up."""
    signals: dict[str, tuple[float, int]] = {}
    with BoardProcess(program) as process:
        boards = Boards(
            cell(tmp_path),
            {"tower": process.path},
            lambda name, value, at: signals.update({name: (value, at)}),
            lambda: False,
        )
        await boards.start(lambda _name, _board: None)
        await until_async(lambda: signals.get("tower.emergency_stop", (0.0,))[0] == 1.0)
        process.power_off()
        await until_async(lambda: signals["tower.emergency_stop"] == (0.0, 0))
        assert boards.opened["tower"].readings() == {}
        process.power_on()
        await until_async(lambda: signals["tower.emergency_stop"][0] == 1.0)
        await boards.close()
