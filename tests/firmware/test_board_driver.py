"""The driver on a board that is a process: tools out of what it says, and how it is lost."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from board_process import READY, BoardProcess, opened
from handrail.v1.link_layout import Event, EventKind
from handrail_drivers import plugins
from handrail_drivers.api import Effect
from handrail_drivers.board.driver import Board
from handrail_drivers.board.frames import Splitter, frame
from handrail_drivers.board.settings import BoardSettings
from handrail_drivers.errors import (
    BoardSilent,
    DeviceFault,
    InvalidValue,
    NotArmed,
    Refused,
    StaleReading,
    UnknownName,
)
from handrail_drivers.schema import tool_schemas
from handrail_drivers.serial_port import SerialPort
from virtual_board import DISTANCE, GREEN, PUSHER, RED, STOP, YELLOW, another_app, compiled
from waiting import until

LAMP_AGE = 2_000_000  # us


@pytest.fixture
def board(host_board):
    with BoardProcess(host_board) as process:
        yield process


@pytest.fixture
def device(board):
    found = opened(board, streams={"emergency_stop": 100, "distance": 50})
    assert found.wait_ready(READY)
    yield found
    found.close()


def streamed(device, name):
    try:
        return device.latest(name)
    except StaleReading:
        return None


def test_it_is_found_as_a_plugin():
    assert plugins.drivers.one("board") is Board


def test_tools_appear_from_what_the_board_says(device):
    tools = {one.name: one for one in tool_schemas(device)}
    assert {"read_values", "read_board", "set_lamp_red", "set_pusher", "set_turntable"} <= set(
        tools
    )
    pusher = tools["set_pusher"].input_schema["properties"]["value"]
    assert pusher["unit"] == "rad"
    assert (pusher["minimum"], pusher["maximum"]) == (-0.785398, 0.785398)
    assert tools["set_pusher"].effect is Effect.MOVE
    assert tools["set_lamp_red"].effect is Effect.CONFIGURE
    assert "it goes to 1 by itself" in tools["set_lamp_red"].description
    assert "it slows down to a stop where it is by itself" in tools["set_turntable"].description
    assert "set_distance" not in tools
    readable = tools["read_values"].output_schema["properties"]
    assert readable["distance"]["unit"] == "m"
    assert readable["temperature"]["unit"] == "Cel"


def test_values_are_read_in_their_units(board, device):
    board.order(f"analog {DISTANCE} 1023")
    board.order("sensor 6400")
    found = device.read(["distance", "temperature", "emergency_stop"])
    assert found["distance"] == pytest.approx(0.5, abs=1e-3)
    assert found["temperature"] == 25.0
    assert found["emergency_stop"] is True
    assert 0 < found["error"] < 1.0


def test_a_time_lies_within_its_error(board, device):
    before = time.monotonic_ns()
    found = device.read(["distance"])
    after = time.monotonic_ns()
    error = found["error"] * 1e9
    assert before - error <= found["time_ns"] <= after + error


def test_an_output_is_set_and_kept(board, device):
    assert device.write("lamp_green", 1) == 1
    on = board.await_change(GREEN, 1)
    until(lambda: int(board.order("clock 0")[1]) > on.time + LAMP_AGE * 1.5)
    assert board.changes[-1] == on  # never went to its safe value


@pytest.mark.parametrize("value", [-0.8, 0.8, 1e9])
def test_a_value_beyond_a_limit_is_refused_at_the_door(board, device, value):
    device.arm()
    with pytest.raises(InvalidValue) as refused:
        device.write("pusher", value)
    detail = refused.value.detail()
    assert detail["field"] == "pusher"
    assert detail["value"] == value
    assert abs(detail["limit"]) == 0.785398
    assert detail["unit"] == "rad"
    assert device.read_board().faults.refused == 0  # it never reached the board


def test_what_moves_needs_the_board_armed(board, device):
    with pytest.raises(Refused, match="not armed"):
        device.write("pusher", 0.0)
    device.arm()
    assert device.write("pusher", 0.0) == 0.0
    board.await_change(PUSHER, 1500)


def test_unknown_and_read_only_names_teach(device):
    with pytest.raises(UnknownName) as unknown:
        device.write("lamp_gren", 1)
    assert unknown.value.hint == "use 'lamp_green'"
    with pytest.raises(Refused, match="only read"):
        device.write("distance", 1)
    with pytest.raises(UnknownName):
        device.read(["lamp_green"])


def test_stop_is_safe_values_and_nothing_comes_back(board, device):
    device.arm()
    device.write("pusher", 0.0)
    device.write("lamp_red", 0)
    device.stop()
    board.await_change(PUSHER, 1000)
    board.await_change(RED, 1)
    assert device.read_board().held == []
    with pytest.raises(Refused, match="not armed"):
        device.write("pusher", 0.0)


def test_what_has_no_value_to_go_to_is_set_to_none_while_the_cell_is_stopped(device):
    device.arm()
    device.is_stopped = lambda: True
    with pytest.raises(NotArmed, match="turntable of board keeps its safe value"):
        device.write("turntable", 0.0)  # the board's `safe`, which says nothing of a stepper
    assert device.write("lamp_red", 1) == 1


def test_the_button_makes_safe_and_is_told(board, device):
    device.write("lamp_yellow", 1)
    assert until(lambda: streamed(device, "emergency_stop")).value == 1
    board.order(f"pin {STOP} 1")
    board.await_change(YELLOW, 0)
    until(lambda: (one := streamed(device, "emergency_stop")) and one.value == 0)
    until(lambda: device.read_board().held == [])
    assert device.read_board().emergency_stop
    with pytest.raises(Refused, match="emergency stop"):
        device.arm()


class Forgetful(SerialPort):
    """A port on which every word of an event is lost."""

    def __init__(self, *args):
        super().__init__(*args)
        self._splitter, self.lost = Splitter(), []

    def read(self, size, timeout_s):
        heard = self._splitter.feed(super().read(size, timeout_s))
        self.lost += [one.kind for one in heard if isinstance(one, Event)]
        return b"".join(frame(one) for one in heard if not isinstance(one, Event))


def test_the_button_is_noticed_though_its_word_is_lost(board):
    port = Forgetful(board.path, 115_200)
    device = Board("board", BoardSettings(port=board.path), port)
    device.connect()
    try:
        assert device.wait_ready(READY)
        device.write("lamp_yellow", 1)
        board.await_change(YELLOW, 1)
        board.order(f"pin {STOP} 1")
        safe = board.await_change(YELLOW, 0)
        until(lambda: device.read_board().held == [])
        assert port.lost == [EventKind.EMERGENCY_STOP]  # nor did it grow too old
        assert [one for one in board.changes if one.pin == YELLOW][-1] == safe
    finally:
        device.close()


def test_streams_bring_fresh_readings(board, device):
    board.order(f"analog {DISTANCE} 512")
    found = until(lambda: (one := streamed(device, "distance")) and one.value > 0.2 and one)
    assert found.unit == "m"
    assert found.value == pytest.approx(0.25, abs=1e-3)
    assert set(device.readings()) <= {"board.distance", "board.emergency_stop"}
    with pytest.raises(UnknownName):
        device.latest("wheel")


def test_a_reset_of_the_board_is_noticed_and_ends_what_was_held(board, device):
    device.write("lamp_green", 1)
    board.await_change(GREEN, 1)
    board.order("reset 4")
    until(lambda: _report(device).reset_cause == "watchdog" and device.wait_ready(READY))
    assert _report(device).held == []
    assert board.await_change(GREEN, 0)


def _report(device):
    return until(lambda: _or_none(device.read_board))


def _or_none(call):
    try:
        return call()
    except DeviceFault:
        return None


def test_a_board_that_goes_and_comes_back_is_found_again_disarmed(board, device):
    device.arm()
    device.write("pusher", 0.0)
    board.power_off()
    until(lambda: _or_none(device.read_board) is None)
    with pytest.raises(BoardSilent):
        device.read([])
    board.power_on()
    report = _report(device)
    assert (report.armed, report.held) == (False, [])


def test_another_image_brings_other_tools(board, device, tmp_path):
    listed = []
    device.on_described = lambda: listed.append({one.name for one in tool_schemas(device)})
    program = compiled(tmp_path / "board", "-O1", app=another_app(tmp_path))
    board.power_off()
    board.power_on(program)
    until(lambda: listed)
    assert "set_lamp_blue" in listed[-1]
    assert "set_lamp_green" not in listed[-1]


def test_an_unknown_stream_is_named_with_what_there_is(board):
    device = opened(board, streams={"distnce": 10})
    try:
        assert not device.wait_ready(2.0)
        with pytest.raises(BoardSilent, match="no channel distnce"):
            device.read([])
    finally:
        device.close()


HOLDER = """
import sys, time
sys.path.insert(0, {tests!r})
from handrail_drivers.board.driver import Board
from handrail_drivers.board.settings import BoardSettings
from handrail_drivers.serial_port import SerialPort
device = Board("board", BoardSettings(port={port!r}), SerialPort({port!r}, 115200))
device.connect()
assert device.wait_ready(20)
device.arm()
device.write("lamp_green", 1)
device.write("pusher", 0.0)
print("held", flush=True)
time.sleep(60)
"""


def test_a_killed_host_leaves_every_output_safe_within_its_time(board):
    """By the board's own clock."""
    code = HOLDER.format(tests="tests", port=board.path)
    host = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert host.stdout.readline() == "held\n"
        board.await_change(GREEN, 1)
        board.await_change(PUSHER, 1500)
    finally:
        host.kill()
        host.wait(READY)
        host.stdout.close()
    killed = int(board.order("clock 0")[1])
    ages = {RED: LAMP_AGE, GREEN: LAMP_AGE, PUSHER: 300_000}
    safe = {GREEN: board.await_change(GREEN, 0), PUSHER: board.await_change(PUSHER, 1000)}
    longest_turn = int(board.order("clock 0")[2])
    for pin, change in safe.items():
        assert change.time <= killed + ages[pin] + longest_turn
