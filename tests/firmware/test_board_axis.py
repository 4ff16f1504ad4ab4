"""An axis on a board, in virtual time: it follows, and lets go whatever its host does."""

from __future__ import annotations

import pytest
from handrail_drivers.api import HoldState
from handrail_drivers.board.axis import BoardAxis, BoardAxisSettings
from handrail_drivers.board.frames import frame
from handrail_drivers.errors import (
    BoardFault,
    BoardSilent,
    BusLost,
    InvalidValue,
    Refused,
    UnknownName,
)
from virtual_board import DISTANCE, FIRMWARE, PUSHER, STOP, VirtualBoard, compiled

POSITION = DISTANCE  # the same pin
TICK = 40_000  # us
MOVE_AGE = 300_000  # us, of apps/pusher.c
GIVEN = {"port": "none", "joint": "rack", "output": "pusher", "position": "position"}


class Line:
    """The board's line: whoever waits lets its time pass."""

    def __init__(self, board: VirtualBoard) -> None:
        self.board = board
        self.now_us = 0
        self.mute = False
        self._heard = b""

    def write(self, data: bytes) -> None:
        self.board.order(f"rx {data.hex()}")

    def read(self, size: int, timeout_s: float) -> bytes:
        if timeout_s > 0 and not self._heard:
            self.let_pass(1000)
        taken, self._heard = self._heard[:size], self._heard[size:]
        return taken

    def let_pass(self, us: int) -> None:
        self.now_us += us
        said = b"".join(map(frame, self.board.run(us)))
        self._heard += b"" if self.mute else said

    def discard_input(self) -> None:
        self._heard = b""

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    out = tmp_path_factory.mktemp("pusher") / "board"
    return compiled(out, "-O1", app=FIRMWARE / "apps" / "pusher.c")


@pytest.fixture
def line(program):
    with VirtualBoard(program) as board:
        yield Line(board)


@pytest.fixture
def axis(line):
    settings = BoardAxisSettings(**GIVEN)
    found = BoardAxis("pusher_board", settings, line, lambda: 1000 * line.now_us)
    found.connect()
    line.let_pass(100_000)  # the emergency stop counts as closed
    return found


def width(line: Line) -> int:
    """us of the servo's pulses; 0: none."""
    own = [one.value for one in line.board.changes if (one.kind, one.pin) == ("pulse", PUSHER)]
    return own[-1] if own else 0


def test_it_reads_where_it_is_and_goes_where_it_is_told(axis, line):
    line.board.order(f"analog {POSITION} 320")
    state = axis.read()
    assert state.position[0] == pytest.approx(0.01, abs=2e-5)
    axis.write([0.02])
    line.let_pass(TICK)
    assert width(line) == 0  # it is not armed
    axis.set_torque(True)
    assert axis.read_hold().goal[0] == state.position[0]
    axis.write([0.02])
    axis.read()
    assert width(line) == 1800
    assert axis.read_hold() == HoldState((0.02,), (True,))
    assert axis.faults() == {}


def test_a_silent_host_and_the_board_lets_go_within_its_time(axis, line):
    axis.set_torque(True)
    axis.write([0.01])
    axis.read()
    line.let_pass(MOVE_AGE - 2 * TICK)
    assert width(line) == 1400
    line.let_pass(3 * TICK)
    assert width(line) == 0
    axis.read()
    assert axis.faults() == {"rack": ("no command came within its time",)}


@pytest.mark.parametrize("heard", [True, False])
def test_what_it_let_go_of_may_have_been_pushed_and_is_held_where_it_is(axis, line, heard):
    axis.set_torque(True)
    axis.write([0.02])
    axis.read()
    line.mute = not heard  # what it says of it is lost
    line.let_pass(MOVE_AGE + TICK)
    line.mute = False
    line.board.order(f"analog {POSITION} 160")
    at = axis.read().position[0]
    assert axis.read_hold() == HoldState((at,), (False,)), "not 15 mm from there"
    axis.reset()
    assert axis.read_hold() == HoldState((at,), (False,))
    axis.set_torque(True)
    line.let_pass(TICK)
    assert width(line) == 0, "nobody has told it a goal since"


def test_its_emergency_stop_lets_go_is_named_and_has_to_be_reset(axis, line):
    axis.set_torque(True)
    axis.write([0.01])
    line.board.order(f"pin {STOP} 1")
    line.let_pass(1000)
    assert width(line) == 0
    axis.read()
    assert axis.faults() == {"rack": ("its emergency stop is open",)}
    assert axis.read_health("rack").torque_enabled is False
    with pytest.raises(Refused, match="emergency stop is open"):
        axis.set_torque(True)
    axis.write([0.02])
    line.board.order(f"pin {STOP} 0")
    line.let_pass(100_000)
    assert width(line) == 0  # released, it resumes nothing
    axis.reset()
    assert axis.faults() == {}
    axis.set_torque(True)
    axis.write([0.02])
    axis.read()
    assert width(line) == 1800


def test_a_board_that_began_anew_has_to_be_found_again(axis, line):
    axis.set_torque(True)
    axis.write([0.01])
    line.board.order("reset 4")
    with pytest.raises(BusLost, match="begun anew"):
        axis.read()
    axis.connect()
    assert axis.read_hold().torque_enabled == (False,)


def test_a_mute_board_is_late_and_no_number_is_refused(axis, line):
    with pytest.raises(InvalidValue):
        axis.write([float("nan")])
    axis.set_torque(True)
    with pytest.raises(InvalidValue, match=r"0\.025"):
        axis.write([0.03])
    line.mute = True
    with pytest.raises(BoardSilent):
        axis.read()


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"output": "lamp"}, UnknownName, "no channel named 'lamp'"),
        ({"output": "position"}, BoardFault, "position moves nothing"),
        ({"position": "emergency_stop"}, BoardFault, "emergency_stop does not read m"),
    ],
)
def test_channels_that_are_no_axis_are_refused(line, given, error, text):
    with pytest.raises(error, match=text):
        BoardAxis("pusher_board", BoardAxisSettings(**GIVEN | given), line).connect()


def test_a_count_of_its_own_steps_is_no_position(host_board):
    """After a reset it begins at nought, and where something blocks the axis it counts on."""
    given = GIVEN | {"output": "turntable", "position": "turntable"}
    with VirtualBoard(host_board) as board, pytest.raises(BoardFault, match="where it was sent"):
        BoardAxis("table", BoardAxisSettings(**given), Line(board)).connect()


def test_a_servo_that_is_driven_somewhere_at_a_stop_is_no_axis(host_board):
    given = GIVEN | {"output": "pusher", "position": "wheel"}
    moves = r"at a stop pusher goes to -0\.785398 rad"
    with VirtualBoard(host_board) as board, pytest.raises(BoardFault, match=moves) as refused:
        BoardAxis("horn", BoardAxisSettings(**given), Line(board)).connect()
    assert "HR_LIMP_SERVO" in refused.value.hint


def test_a_stepper_beside_an_encoder_is_one(host_board):
    given = GIVEN | {"output": "turntable", "position": "wheel"}
    with VirtualBoard(host_board) as board:
        BoardAxis("table", BoardAxisSettings(**given), Line(board)).connect()
