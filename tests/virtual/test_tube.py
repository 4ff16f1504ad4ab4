"""What is in the way stops the desk's arm early; a world that is a little other does not."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from handrail_bridge.loop.state import Mode
from handrail_bridge.pilot.sorting import Pilot
from handrail_drivers.api import JointState
from handrail_drivers.errors import ServoSilent
from handrail_sim.cell_file import load_cell
from virtual_cell import RUNNING, VirtualCell

SILENT = 8  # reads in a row, of ten that make a stop
BETWEEN = 100  # ticks
FAR = {
    "shoulder_pan": -1.0,
    "shoulder_lift": -0.5,
    "elbow_flex": -0.8,
    "wrist_flex": 0.2,
    "wrist_roll": -1.0,
}  # rad, from home


@pytest.fixture
def desk() -> Iterator[VirtualCell]:
    virtual = VirtualCell(load_cell("desk"), 3)
    yield virtual
    virtual.close()


async def begin(desk: VirtualCell, tool: str, **arguments: object) -> int:
    """Have a plan of one step checked and begin to play it; return its rows."""
    check = await desk.check({"steps": [{"tool": tool, **arguments}], "goal": []})
    assert check.verdict.trajectory is not None, check.verdict.violations
    desk.rig.play(check.verdict.trajectory)
    return check.verdict.trajectory.rows


def end(desk: VirtualCell) -> None:
    desk.rig.until(lambda state: state.mode not in RUNNING)


@pytest.mark.parametrize("speed", [pytest.param(0.1, marks=pytest.mark.long), 0.3])
@pytest.mark.parametrize("joint", FAR)
async def test_a_joint_that_meets_something_is_stopped_early_and_does_not_push_on(
    desk: VirtualCell, joint: str, speed: float
) -> None:
    await begin(desk, "arm_home")
    end(desk)
    rows = await begin(desk, "arm_move_joints", positions={joint: FAR[joint]}, speed=speed)
    number = desk.cell.arm.all_joints.index(joint)
    desk.rig.run(rows // 2)
    before = desk.rig.state.effort[number]
    desk.world.truth.jam(joint)
    end(desk)
    state = desk.rig.state
    assert state.mode == Mode.FAULT
    assert joint in state.reason
    assert state.fault_code in ("contact", "tube_left")
    assert state.peak_following_error < desk.cell.loop.tube / 2
    pushed = abs(state.effort[number] - before)
    desk.rig.run(250)
    assert abs(desk.rig.state.effort[number]) < max(0.5 * pushed, 0.5)


def fall_silent_at_times(desk: VirtualCell) -> None:
    """Have reads fail for almost as long as the loop bears it, while something moves."""
    bus, at, left = desk.rig.tick.port.require(), random.Random(1), 0
    whole = bus.read

    def read() -> JointState:
        nonlocal left
        left = left - 1 if left > 0 else at.randint(SILENT, BETWEEN)
        if left >= SILENT or desk.rig.state.mode != Mode.MOVING:
            return whole()
        raise ServoSilent("elbow_flex does not answer.", subject="elbow_flex")

    bus.read = read  # type: ignore[method-assign]


@pytest.fixture
def desk_of_one_cube() -> Iterator[VirtualCell]:
    cell = load_cell("desk")
    left = {name: one.model_copy(update={"goes_to": None}) for name, one in cell.objects.items()}
    sorts = {**left, "blue_cube": cell.objects["blue_cube"]}
    virtual = VirtualCell(cell.model_copy(update={"objects": sorts}), 1)
    yield virtual
    virtual.close()


async def test_a_silence_that_the_loop_bears_is_no_contact(desk_of_one_cube: VirtualCell) -> None:
    desk = desk_of_one_cube
    fall_silent_at_times(desk)
    await Pilot(desk, lambda _: None).run()  # type: ignore[arg-type]  # a stand-in
    assert desk.rig.state.late_reads > 60
    assert desk.rig.state.fired == 0
    assert desk.astray() == {}
