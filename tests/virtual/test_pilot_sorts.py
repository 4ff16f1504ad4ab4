"""The pilot in a cell of virtual time: many shuffles and draws, judged by the world's truth."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from handrail_bridge.pilot.sorting import Event, Log, Pilot
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.world import Scene, load_model
from virtual_cell import VirtualCell

CROSS = 10  # this draw's camera is 5 mm wrong, towards the fixed finger
NUDGE = 0.05  # m: more than an open gripper forgives


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("desk")


@pytest.fixture
def desk(cell: Cell, request: pytest.FixtureRequest) -> Iterator[VirtualCell]:
    virtual = VirtualCell(cell, request.param)
    yield virtual
    virtual.close()


async def sort(desk: VirtualCell) -> tuple[Log, list[Event]]:
    events: list[Event] = []
    return await Pilot(desk, events.append).run(), events  # type: ignore[arg-type]  # a stand-in


@pytest.mark.parametrize("desk", [CROSS], indirect=True)
async def test_every_object_is_sorted_says_the_world(desk: VirtualCell) -> None:
    log, events = await sort(desk)
    assert desk.astray() == {}
    assert log.given_up == []
    assert desk.rig.state.fired == 0, "a stop without a cause"
    refusals = [event.text for event in events if event.kind == "refused"]
    assert any("post" in text for text in refusals), "the straight way was tried first"


@pytest.mark.long
@pytest.mark.parametrize("desk", [1023], indirect=True)
async def test_an_object_that_moved_after_the_look_is_looked_for_again(desk: VirtualCell) -> None:
    scene = Scene(load_model(desk.cell), desk.cell)
    y = scene.object_qpos["blue_cube"][0] + 1
    nudged = []

    def nudge(event: Event) -> None:
        if event.text.startswith("take blue_cube") and not nudged:
            nudged.append(event)
            desk.world.truth.qpos[y] += NUDGE if desk.world.truth.qpos[y] < 0.15 else -NUDGE
        events.append(event)

    events: list[Event] = []
    await Pilot(desk, nudge).run()  # type: ignore[arg-type]  # a stand-in
    assert any(event.kind == "failed" and "blue_cube" in event.text for event in events)
    assert desk.astray() == {}


@pytest.mark.long
@pytest.mark.parametrize("desk", [1024], indirect=True)
@pytest.mark.parametrize(("during", "after"), [("take", 3.7), ("put", 2.5)])
async def test_what_a_plan_left_in_the_gripper_is_set_down_and_sorted(
    desk: VirtualCell, during: str, after: float
) -> None:
    events: list[Event] = []

    def cut(event: Event) -> None:
        events.append(event)
        if event.kind == "permitted" and events[-2].text.startswith(during) and not desk.cut_after:
            desk.cut_after = after  # the object is in the gripper

    await Pilot(desk, cut).run()  # type: ignore[arg-type]  # a stand-in
    assert any("cancelled" in event.text for event in events if event.kind == "failed")
    assert any("set down" in event.text for event in events)
    assert desk.astray() == {}


@pytest.mark.long
@pytest.mark.parametrize("desk", range(101, 161), indirect=True)
async def test_any_seed_is_sorted(desk: VirtualCell) -> None:
    log, events = await sort(desk)
    assert desk.astray() == {}, "\n".join(f"{event.kind} {event.text}" for event in events)
    assert log.given_up == []
    assert desk.rig.state.fired == 0, "a stop without a cause"
