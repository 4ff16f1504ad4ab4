"""The desk with boards: what their pins feel and do in the world, and what the pusher may do."""

from __future__ import annotations

import contextlib
import math
import os
from types import SimpleNamespace

import mujoco
import pytest
from desk_plans import at_home, joints, lying, plan
from handrail_drivers.errors import InvalidCell
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.twin.avr_board import AvrBoard, AvrSettings
from handrail_sim.twin.lamps import Lamps
from handrail_sim.twin.truth import Truth

EYE = (-0.08, -0.34)  # m, where the distance sensor looks along x
CUBE = 0.0125  # m, half of one
PLATE = 0.381  # m, where the pusher's plate ends at rest
OUT = 0.02  # m


@pytest.fixture(scope="module")
def boards() -> Cell:
    return load_cell("desk_boards")


@pytest.fixture(scope="module")
def checker(boards: Cell) -> Checker:
    return Checker(boards)


@pytest.fixture
def truth(boards: Cell) -> Truth:
    found = Truth(boards, seed=3, perturb=True)
    found.step((0.0,) * 7)
    return found


def test_the_distance_sensor_sees_what_stands_before_it(truth: Truth) -> None:
    assert truth.distance("tower/eye") == math.inf
    truth.put("red_cube_a", EYE[0] + 0.2, EYE[1])
    truth.step((0.0,) * 7)
    seen = truth.distance("tower/eye")
    assert 0.2 - math.sqrt(2) * CUBE - 1e-3 < seen < 0.2 - CUBE + 1e-3
    with pytest.raises(InvalidCell, match="no site named 'nowhere'"):
        truth.distance("nowhere")


def test_a_lamp_is_told_and_shown(truth: Truth) -> None:
    dark = truth.visible
    truth.light("lamp_green", lit=True)
    assert truth.snapshot()["lamps"] == {
        "lamp_red": False,
        "lamp_yellow": False,
        "lamp_green": True,
    }
    assert (truth.visible - dark).tolist()[-3:] == [0.0, 0.0, 1.0]
    with pytest.raises(InvalidCell, match="lamp_blue"):
        truth.light("lamp_blue", lit=True)


def test_a_lit_lamp_shines_in_the_model_of_a_camera() -> None:
    text = """<mujoco><asset><material name="wood"/><material name="lamp_a" rgba="1 0 0 1"/></asset>
    <worldbody><geom size="1" material="lamp_a"/></worldbody></mujoco>"""
    model = mujoco.MjModel.from_xml_string(text)
    lamps = Lamps(model)
    assert lamps.names == ("lamp_a",)
    lamps.show([0.0])
    assert (model.mat_emission[1], model.mat_rgba[1, 0]) == (0.0, pytest.approx(0.3))
    lamps.show([1.0])
    assert (model.mat_emission[1], model.mat_rgba[1, 0]) == (1.0, pytest.approx(1.0))


def test_the_pusher_goes_where_nothing_is(boards: Cell, checker: Checker) -> None:
    verdict = checker.check(plan(joints(pusher=OUT)), at_home(boards, checker))
    assert verdict.passed, verdict.violations
    assert verdict.trajectory is not None
    assert verdict.trajectory.joints[-1] == "pusher"
    assert verdict.trajectory.predicted[-1, -1] == pytest.approx(OUT, abs=0.001)
    assert verdict.trajectory.band[:, -1].max() <= 0.01


def test_pushing_a_thing_that_nobody_wanted_moved_is_refused(
    boards: Cell, checker: Checker
) -> None:
    start = at_home(boards, checker, red_cube_a=lying(PLATE - CUBE - 0.002, 0.03))
    verdict = checker.check(plan({**joints(pusher=OUT), "speed": 0.5}), start)
    assert "displaced" in {violation.kind for violation in verdict.violations}, verdict.violations


def test_beyond_its_stroke_is_refused(boards: Cell, checker: Checker) -> None:
    assert boards.arm.limits["pusher"].high == pytest.approx(0.025)
    verdict = checker.check(plan(joints(pusher=0.03)), at_home(boards, checker))
    assert not verdict.passed


class Pipe:
    """The harness's standard input, full and not read; ``drained`` reads all that was told."""

    def __init__(self) -> None:
        self._end, self._start = os.pipe()
        os.set_blocking(self._start, False)
        os.set_blocking(self._end, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(self._start, bytes(4096))

    def fileno(self) -> int:
        return self._start

    def drained(self) -> bytes:
        told = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                told += os.read(self._end, 65_536)
        return told.strip(b"\0")

    def close(self) -> None:
        os.close(self._end)
        os.close(self._start)


def test_a_button_that_is_pressed_while_the_chip_does_not_listen_is_told_later(
    truth: Truth, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = AvrBoard(AvrSettings(kind="avr", application="tower", buttons={"stop": 2}))
    with contextlib.closing(Pipe()) as pipe:
        monkeypatch.setattr(board, "_process", SimpleNamespace(stdin=pipe))
        board.press("stop")
        board.release("stop")
        board.press("stop")
        assert pipe.drained() == b""
        board.feel(truth, 0.02)
        assert pipe.drained() == b"pin 2 1\npin 2 0\npin 2 1\n"
