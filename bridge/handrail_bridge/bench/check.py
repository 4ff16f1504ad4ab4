"""``handrail bench check``: how long a check takes, beside the bare rollout of the same steps.

The plan goes to and fro over the desk for some 10 s. Ratios are taken within a round. Things that
lie still sleep in the check's physics: its goals are held against a rollout in which they do too,
and what one costs in which they do not stands beside it.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from handrail_drivers.errors import PlanRefused
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.check.judge import Judge
from handrail_sim.check.rollout import Stage
from handrail_sim.check.steps import Steps
from handrail_sim.check.timeline import Timeline
from handrail_sim.check.worlds import Worlds
from handrail_sim.plan import Plan
from handrail_sim.verdict import ObjectBelief, StartState
from handrail_sim.world import Array, Scene, load_model

from handrail_bridge.bench.reference.bare_rollout import BareRollout
from handrail_bridge.bench.reference.sleeping_rollout import SleepingRollout
from handrail_bridge.bench.report import Goal, Report, Row, markdown

CELL = "desk"
ROUNDS = 9
MANY = 32  # worlds whose rollouts show how well cores are used
CARRY = (0.17, 0.24, math.radians(60))  # m about the first axis, m, rad: over everything
TURNS = (0.7, -0.35, 0.9, -0.5)  # rad


@dataclass(frozen=True, slots=True)
class Times:
    """One round [s]."""

    bare: float
    asleep: float  # the bare rollout with MuJoCo's sleep, as the check has it
    nominal: float  # from the plan to the violations of one rollout
    clearance: float  # of that the distance queries
    whole: float  # with the other worlds and the tube
    nudge: float
    nudge_bare: float  # the sleeping rollouts of its worlds, shared out evenly among the cores
    one_core: float  # MANY rollouts, one after the other
    all_cores: float


def measure(quick: bool = False) -> Report:
    """Time the check and its parts; ``quick`` once.

    Raises:
        HandrailError: the plan did not pass.
    """
    cell = load_cell(CELL)
    bench = _Bench(cell)
    bench.round()  # warm
    rounds = [bench.round() for _ in range(1 if quick else ROUNDS)]
    cores = cores_here()
    note = (
        f"desk, a plan of {bench.duration:.1f} s; the reference is mujoco.rollout of its steps; "
        f"ratios within a round, medians of {len(rounds)} rounds, on {cores} cores"
    )
    rows = _rows(rounds, worlds_of(cell), cores)
    return Report("check", note, rows, markdown(rows, note, _number, "Bare rollout"))


class _Bench:
    """The check's parts, as the checker has them, each to be timed alone."""

    def __init__(self, cell: Cell) -> None:
        model = load_model(cell)
        scene = Scene(model, cell)
        self._cell = cell
        self._checker = Checker(cell)
        self._steps = Steps(cell, scene)
        self._stage = Stage(cell, model, scene)
        self._judge = Judge(cell, model, scene)
        many = cell.check.spread.model_copy(update={"rollouts": MANY})
        check = cell.check.model_copy(update={"spread": many})
        self._many = Worlds(cell.model_copy(update={"check": check}), model, scene)
        self._bare, self._asleep = BareRollout(cell), SleepingRollout(cell)
        self._start = _start(cell, self._checker)
        self._plan, self._nudge = _long(cell), _nudge(cell)
        self.duration = len(self._setpoints(self._plan)) / cell.loop.rate

    def round(self) -> Times:
        """Time everything once."""
        setpoints = self._setpoints(self._plan)
        controls = self._controls(setpoints)
        nudge = self._asleep.play(self._controls(self._setpoints(self._nudge)))
        bare, asleep = self._bare.play(controls), self._asleep.play(controls)
        nominal = _timed(self._nominal)
        run = self._stage.run(self._start, setpoints)
        return Times(
            bare=bare,
            asleep=asleep,
            nominal=nominal,
            clearance=_timed(lambda: self._judge.proximity.look(run.qpos)),
            whole=self._passing(self._plan),
            nudge=self._passing(self._nudge),
            nudge_bare=nudge * worlds_of(self._cell) / cores_here(),
            one_core=_timed(lambda: self._many.play(self._start, setpoints, threads=1)),
            all_cores=_timed(lambda: self._many.play(self._start, setpoints)),
        )

    def _nominal(self) -> None:
        reference = self._steps.reference(self._plan, self._start.command, _unasked)
        targets, hold, lead = reference.setpoints()
        run = self._stage.run(self._start, hold + lead)
        timeline = Timeline((*reference.step_rows, reference.rows), self._cell.loop.rate)
        self._judge.judge(self._plan, self._start, run, targets, timeline)

    def _setpoints(self, plan: Plan) -> Array:
        _, hold, lead = self._steps.reference(plan, self._start.command, _unasked).setpoints()
        return hold + lead

    def _controls(self, setpoints: Array) -> Array:
        """Return setpoints for every step of the physics."""
        steps = round(1 / (self._cell.loop.rate * self._cell.world.timestep))
        return np.repeat(setpoints, steps, axis=0)

    def _passing(self, plan: Plan) -> float:
        verdict = self._checker.check(plan, self._start)
        if not verdict.passed:
            raise PlanRefused(f"The benchmark's plan fails: {verdict.violations[0].sentence}")
        return verdict.check_time


def worlds_of(cell: Cell) -> int:
    """Return how many worlds a plan is tried in."""
    return cell.check.spread.rollouts + 1


def cores_here() -> int:
    """Return how many cores there are for it."""
    return len(os.sched_getaffinity(0))


def _timed(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def _unasked(_: object) -> Any:
    raise AssertionError("no step of the benchmark's plans looks for a way")


def _rows(rounds: list[Times], worlds: int, cores: int) -> list[Row]:
    used = median(times.one_core / (cores * times.all_cores) for times in rounds)
    return [
        *_nominal_rows(rounds),
        Row(
            "believed world",
            median(times.nominal for times in rounds),
            "s",
            goal=Goal("value", 0.15, at_least=False),
        ),
        _beside(rounds, f"whole check, {worlds} worlds", lambda t: (t.whole, t.bare)),
        _beside(
            rounds,
            f"a nudge of 1 s, {worlds} worlds",
            lambda t: (t.nudge, t.nudge_bare),
            Goal("value", 0.05, at_least=False),
        ),
        Row(
            f"{MANY} rollouts, efficiency on {cores} cores",
            used,
            "1",
            goal=Goal("value", 0.85, at_least=True),
        ),
    ]


def _nominal_rows(rounds: list[Times]) -> list[Row]:
    """Return what one rollout's check costs beside the rollout alone."""
    return [
        _beside(
            rounds,
            "believed world, clearances apart",
            lambda t: (t.nominal - t.clearance, t.asleep),
            Goal("ratio", 1.25, at_least=False),
        ),
        _beside(
            rounds,
            "believed world, clearances too",
            lambda t: (t.nominal, t.asleep),
            Goal("ratio", 2.0, at_least=False),
        ),
        _beside(rounds, "beside a rollout in which nothing sleeps", lambda t: (t.nominal, t.bare)),
    ]


def _beside(
    rounds: list[Times],
    figure: str,
    of: Callable[[Times], tuple[float, float]],
    goal: Goal | None = None,
) -> Row:
    """Return a row of medians; the ratio's is of the ratios within each round."""
    pairs = [of(times) for times in rounds]
    return Row(
        figure,
        median(value for value, _ in pairs),
        "s",
        median(reference for _, reference in pairs),
        median(value / reference for value, reference in pairs),
        goal,
    )


def _number(value: float, unit: str) -> str:
    return f"{value:.2f}" if unit == "1" else f"{value:.3f} {unit}"


def _start(cell: Cell, checker: Checker) -> StartState:
    position = tuple(cell.arm.home[name] for name in cell.arm.all_joints)
    objects = {}
    for number, (name, thing) in enumerate(cell.objects.items()):
        angle = 0.4 + 0.5 * number
        x, y = cell.arm.axis[0] + 0.2 * math.cos(angle), 0.2 * math.sin(angle)
        objects[name] = ObjectBelief((x, y, thing.size[2] / 2), (1.0, 0.0, 0.0, 0.0), "seen", 0)
    return StartState(position, checker.hold_command(position), objects)


def _long(cell: Cell) -> Plan:
    """Go to and fro over the desk."""
    radius, height, tilt = CARRY
    steps: list[dict[str, Any]] = []
    for turn in (*TURNS, *TURNS, TURNS[0]):
        x, y = cell.arm.axis[0] + radius * math.cos(turn), radius * math.sin(turn)
        pose = {"tool": "arm_move_to_pose", "position": (x, y, height), "tilt": tilt}
        steps.append({**pose, "speed": 0.7})
    return Plan.model_validate({"steps": steps})


def _nudge(cell: Cell) -> Plan:
    """Turn the base by so much that it takes some 1 s."""
    joint = cell.arm.joints[0]
    to = cell.arm.home[joint] - 0.4
    move = {"tool": "arm_move_joints", "positions": {joint: to}, "speed": 0.25}
    return Plan.model_validate({"steps": [move]})
