"""What a board says of itself when it is asked, and what is told where nobody answers."""

from __future__ import annotations

import json

import pytest
from board_process import BoardProcess
from handrail_bridge.firmware.asking import info
from handrail_drivers.errors import BoardSilent
from virtual_board import compiled


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("board") / "board", "-O1")


@pytest.fixture
def board(program):
    with BoardProcess(program) as process:
        yield process


def test_info_says_what_the_board_has(board):
    found = info(board.path, 115_200, 20.0)
    pusher = next(one for one in found.channels if one.name == "pusher")
    assert (pusher.kind, pusher.effect, pusher.unit, pusher.max_age) == (
        "servo",
        "move",
        "rad",
        0.3,
    )
    told = {one.name: (one.safe, one.by_itself) for one in found.channels}
    assert told["lamp_red"] == (1.0, "goes to 1")
    assert told["turntable"] == (None, "slows down to a stop where it is")
    assert told["distance"] == (None, "")
    json.dumps(found.report.model_dump())


def test_info_of_nobody_says_how_to_get_somebody(board):
    board.power_off()
    with pytest.raises(BoardSilent, match="says hello") as silent:
        info(board.path, 115_200, 0.5)
    assert "flash" in silent.value.hint
    board.power_on()
