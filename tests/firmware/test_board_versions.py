"""Boards with older or newer firmware: used as far as both sides know, or told why not."""

from __future__ import annotations

from board_process import READY, BoardProcess, opened
from handrail_drivers.errors import BoardFault
from virtual_board import FIRMWARE, compiled
from waiting import until


def test_a_board_of_another_major_version_says_what_to_do(tmp_path):
    program = compiled(tmp_path / "board", "-O1", "-DHR_SPEAKS_MAJOR=2", "-DHR_SPEAKS_MINOR=0")
    with BoardProcess(program) as process:
        device = opened(process)
        try:
            until(lambda: "version 2.0" in _why(device))
            assert "1.0" in _why(device)
        finally:
            device.close()


def _why(device) -> str:
    try:
        device.read([])
    except BoardFault as error:
        return error.message
    return ""


def test_an_older_board_without_streams_and_clock_is_used_as_far_as_it_goes(tmp_path):
    program = compiled(tmp_path / "board", "-O1", "-DHR_FEATURES=0")
    with BoardProcess(program) as process:
        device = opened(process, streams={"distance": 50})
        try:
            assert device.wait_ready(READY)
            report = device.read_board()
            assert "without streams, clock" in report.link
            assert report.clock_error is None
            assert device.write("lamp_green", 1) == 1
            assert device.read(["emergency_stop"])["emergency_stop"] is True
        finally:
            device.close()


NEWER = """
#include "{apps}/parts.h"
static const hr_row rows[] HR_FLASH = {{
    LAMPS, EMERGENCY_STOP,
    {{.info = {{.kind = 77, .effect = 2, .high = 1, HR_PLAIN, .name = "gripper"}}}},
}};
APPLICATION("newer");
"""


def test_a_newer_board_is_used_as_far_as_this_bridge_knows(tmp_path):
    app = tmp_path / "newer.c"
    app.write_text(NEWER.format(apps=FIRMWARE / "apps"))
    newer = ("-DHR_SPEAKS_MAJOR=1", "-DHR_SPEAKS_MINOR=9", "-DHR_FEATURES=0x8003")
    program = compiled(tmp_path / "board", "-O1", *newer, app=app)
    with BoardProcess(program) as process:
        device = opened(process)
        try:
            assert device.wait_ready(READY)
            link = device.read_board().link
            assert link.startswith("board 1.9, bridge 1.0: commands, streams, clock")
            assert link.endswith("channels that this bridge does not know: gripper")
            assert device.read([])["emergency_stop"] is True
            assert device.write("lamp_green", 1) == 1
        finally:
            device.close()
