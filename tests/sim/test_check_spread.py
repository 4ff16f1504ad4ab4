"""The tube holds what may be, is no wider than that needs, and is the same whenever it is asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from desk_plans import at_home, carry, grip, joints, plan, scattered, sort
from handrail_sim.cell import Cell
from handrail_sim.check import variations as worlds
from handrail_sim.check.checker import Checker
from handrail_sim.check.rollout import Stage
from handrail_sim.check.variations import Variation, variations
from handrail_sim.plan import Plan
from handrail_sim.verdict import StartState, Trajectory
from handrail_sim.world import Scene, load_model

EAST, WEST = math.radians(-20), math.radians(40)
ARM = slice(0, 5)
TO_AND_FRO = plan(carry(WEST), carry(EAST))
OTHER_SEEDS = range(70, 75)  # of worlds that the tube was not made from


def believing(cell: Cell, **spread: float) -> Cell:
    """The same cell with other figures in [check.spread]."""
    other = cell.check.spread.model_copy(update=spread)
    return cell.model_copy(update={"check": cell.check.model_copy(update={"spread": other})})


def checked(cell: Cell, asked: Plan, start: StartState | None = None) -> Trajectory:
    checker = Checker(cell)
    verdict = checker.check(asked, start or at_home(cell, checker))
    assert verdict.violations == ()
    assert verdict.trajectory is not None
    return verdict.trajectory


@pytest.fixture(scope="module")
def free(cell: Cell) -> Trajectory:
    """A motion through the air."""
    return checked(cell, TO_AND_FRO)


@pytest.fixture(scope="module")
def start(cell: Cell) -> StartState:
    return at_home(cell, Checker(cell), **scattered(cell, 0))


@pytest.fixture(scope="module")
def sorting(cell: Cell, start: StartState) -> Trajectory:
    """A cube is taken and brought into its bin."""
    return checked(cell, sort(cell, "red_cube_a", start), start)


# --- it holds what may be ---------------------------------------------------------------------


def in_worlds(
    cell: Cell, others: Sequence[Variation], start: StartState, path: Trajectory
) -> tuple[float, float]:
    """Play a trajectory in other worlds; return the most of band and effort band that is used."""
    belief = load_model(cell)
    scene, played = Scene(belief, cell), slice(1, path.rows + 1)
    used = effort_used = 0.0
    for world in others:
        stage = Stage(cell, world.model(cell, belief, scene), scene, world.latency)
        run = stage.run(world.start(start), path.hold + path.lead)
        off = run.position[played] + world.offset - path.predicted
        strain = run.effort[played] - path.effort
        used = max(used, float((np.abs(off) / path.band).max()))
        effort_used = max(effort_used, float((np.abs(strain) / path.effort_band).max()))
    return used, effort_used


def test_what_happens_in_its_worlds_is_within_the_tube(
    cell: Cell, start: StartState, sorting: Trajectory
) -> None:
    used, effort_used = in_worlds(cell, variations(cell), start, sorting)
    assert 0.3 < used < 1.0
    assert 0.3 < effort_used < 1.0


def test_so_it_is_in_worlds_that_it_was_not_made_from(
    cell: Cell, free: Trajectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = at_home(cell, Checker(cell))
    for seed in OTHER_SEEDS:
        monkeypatch.setattr(worlds, "SEED", seed)
        assert max(in_worlds(cell, variations(cell), start, free)) < 1.0


# --- it follows from what is believed ---------------------------------------------------------


LESS_SURE = (
    {"gain": 0.3},
    {"drag": 0.4},
    {"latency": 0.05},
    {"backlash": 0.05},
    {"lateness": 0.04},
    {"margin": 2.0},
    {"noise": 0.03, "effort_noise": 0.2},
)


@pytest.mark.parametrize("more", LESS_SURE, ids=lambda more: next(iter(more)))
def test_who_believes_less_gets_a_wider_tube(
    cell: Cell, free: Trajectory, more: dict[str, float]
) -> None:
    wider = checked(believing(cell, **more), TO_AND_FRO)
    assert wider.band[:, ARM].mean() > 1.05 * free.band[:, ARM].mean()
    assert wider.effort_band[:, ARM].mean() > 1.03 * free.effort_band[:, ARM].mean()


def test_a_standing_arm_that_scatters_gets_a_wider_tube(cell: Cell, free: Trajectory) -> None:
    """By joint; and less than the floor of noise changes nothing."""
    checker = Checker(cell)
    joints = len(cell.arm.all_joints)
    quiet = replace(
        at_home(cell, checker), noise=(0.0005,) * joints, effort_noise=(0.005,) * joints
    )
    assert checked(cell, TO_AND_FRO, quiet).digest() == free.digest()
    noisy = replace(quiet, noise=(0.009, *quiet.noise[1:]), effort_noise=(0.09,) * joints)
    wider = checked(cell, TO_AND_FRO, noisy)
    assert (wider.band[:, 0] >= free.band[:, 0]).all()
    assert wider.band[:, 0].min() >= 3 * 0.009
    assert np.array_equal(wider.band[:, 1:], free.band[:, 1:])
    assert wider.effort_band.min() >= 3 * 0.09


def test_a_wrong_zero_costs_nothing(cell: Cell, free: Trajectory) -> None:
    """A servo goes to what its own encoder says, and that is what it reports."""
    zeros = checked(believing(cell, encoder=0.02), TO_AND_FRO)
    assert zeros.band[:, ARM].mean() < 1.1 * free.band[:, ARM].mean()


THINGS = {"mass": 0.9, "friction": 0.9, "place": 0.015, "turn": 0.3}


@pytest.mark.parametrize("quantity", THINGS)
def test_and_so_it_is_with_things(
    cell: Cell, start: StartState, sorting: Trajectory, quantity: str
) -> None:
    other = believing(cell, enough=0.0, **{quantity: THINGS[quantity]})
    pressed = other.check.model_copy(update={"force": 500.0})  # fingers come down on it there
    other = other.model_copy(update={"check": pressed})
    wider = checked(other, sort(cell, "red_cube_a", start), start)
    gripping = slice(sorting.step_rows[4], None)
    assert (wider.effort_band > 1.2 * sorting.effort_band)[gripping, ARM].any()


# --- its edges --------------------------------------------------------------------------------


def test_where_nothing_moves_it_is_the_floor(cell: Cell) -> None:
    floors = believing(cell, floor=0.1, effort_floor=1.0)
    still = checked(floors, plan({"tool": "wait", "seconds": 0.2}))
    assert (still.band == 0.1).all()
    assert (still.effort_band == 1.0).all()


def test_the_narrowest_is_well_below_the_fixed_tube(cell: Cell, free: Trajectory) -> None:
    assert cell.check.spread.floor <= free.band.min() < cell.loop.tube / 5
    assert free.effort_band.min() >= cell.check.spread.effort_floor


def test_a_jaw_that_presses_is_not_judged(sorting: Trajectory) -> None:
    """Its place is the thing's size then; the arm's joints are judged all the time."""
    taken, lifted = sorting.step_rows[5:7]
    for band in (sorting.band, sorting.effort_band):
        assert np.isfinite(band[:, ARM]).all()
        assert np.isinf(band[taken:lifted, -1]).all()
        assert np.isfinite(band[[0, -1], -1]).all()


def test_one_plan_has_one_tube(cell: Cell, free: Trajectory) -> None:
    checker = Checker(cell)
    start = at_home(cell, checker)
    checker.check(plan(joints(shoulder_pan=-1.0), grip(0.03)), start)
    again = checker.check(TO_AND_FRO, start).trajectory
    assert again is not None
    assert again.digest() == free.digest()
    assert np.array_equal(again.band, free.band)
    assert np.array_equal(again.effort_band, free.effort_band)


def test_a_plan_with_no_solution_in_one_of_the_worlds_is_refused(
    cell: Cell, start: StartState, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # MuJoCo writes its warnings into the working directory
    massless = Checker(believing(cell, mass=1.0))
    verdict = massless.check(sort(cell, "red_cube_a", start), start)
    assert not verdict.passed
    assert verdict.trajectory is None
    assert [violation.subject for violation in verdict.violations] == ["physics"]
