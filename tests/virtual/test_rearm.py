"""Armed again with a thing in the gripper, the arm neither sags under it nor jumps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from handrail_bridge.pilot.grasp import Base, grasps, pick
from handrail_sim.cell_file import load_cell
from virtual_cell import VirtualCell

CUBE = "red_cube_a"
TIMES = 10
SETTLED = 250  # ticks


@pytest.fixture
def desk(request: pytest.FixtureRequest) -> Iterator[VirtualCell]:
    virtual = VirtualCell(load_cell("desk"), seed=3, perturb=request.param)
    yield virtual
    virtual.close()


async def run(desk: VirtualCell, steps: list[dict[str, object]]) -> None:
    plan = {"steps": steps}
    check = await desk.check(plan)
    assert check.permit is not None, check.verdict.violations
    receipt = await desk.play(plan, check.permit)
    assert receipt.completed, receipt.reason


async def hold_up(desk: VirtualCell) -> None:
    """Take a cube and hold it far out, where its weight turns the shoulder most."""
    await run(desk, [{"tool": "arm_home"}])
    seen = (await desk.call("look"))["objects"]
    for grasp in grasps(seen[CUBE], [], Base(*desk.cell.arm.axis)):
        plan = {"steps": pick(grasp)}
        if (await desk.check(plan)).permit is not None:
            await run(desk, pick(grasp))
            break
    await run(
        desk,
        [{"tool": "arm_move_to_pose", "position": [0.25, 0.15, 0.15], "tilt": 0.9, "avoid": True}],
    )
    assert desk.belief.held == CUBE


def tcp(desk: VirtualCell) -> np.ndarray:
    return np.array(desk.world.truth.snapshot()["tcp"]["position"])


def lose_torque_in_a_hand(desk: VirtualCell) -> None:
    """The arm's servos brown out while somebody holds it; the jaw goes on pressing."""
    desk.rig.ask("disarm")
    for joint in desk.cell.arm.joints:
        desk.world.lose_torque(joint)
        desk.world.truth.jam(joint)
    desk.rig.run(SETTLED)


def arm_and_let_go(desk: VirtualCell) -> None:
    position = desk.rig.state.position
    desk.rig.ask("arm", hold=desk.checker.hold_command(position, desk.belief.objects))
    for joint in desk.cell.arm.joints:
        desk.world.truth.free(joint)
    desk.rig.run(SETTLED)


@pytest.mark.parametrize("desk", [True, pytest.param(False, marks=pytest.mark.long)], indirect=True)
async def test_ten_rearms_with_a_thing_in_the_gripper_sag_less_than_a_millimetre(
    desk: VirtualCell,
) -> None:
    await hold_up(desk)
    sag = 0.0
    for _ in range(TIMES):
        lose_torque_in_a_hand(desk)
        held = tcp(desk)
        arm_and_let_go(desk)
        sag += float(np.linalg.norm(tcp(desk) - held))
    assert desk.measured.holding(desk.rig.state)
    assert sag < 0.001, f"{sag * 1000:.2f} mm in all"
