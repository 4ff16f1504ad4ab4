"""Collisions and clearances: every pair of bodies is held against what it may do."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from handrail_sim.cell import Cell
from handrail_sim.check.contacts import Pair
from handrail_sim.check.grips import Fingers, Grip
from handrail_sim.check.timeline import Timeline
from handrail_sim.verdict import Violation, ViolationKind

PENETRATION = 0.0002  # m: MuJoCo's contacts are soft; less is touching, not colliding
CONTAINER_WALL = 0.001  # m between a held object and the walls of what it is put into
ABOVE = 0.03  # m over an obstacle, in a hint


@dataclass(frozen=True, slots=True)
class Rule:
    """What a pair may do: stay ``limit`` [m] apart, at the rows of ``judged`` (None: at all)."""

    limit: float
    judged: NDArray[np.bool_] | None = None


class Collisions:
    """Judges pairs of bodies of one cell."""

    def __init__(
        self, cell: Cell, model: mujoco.MjModel, fingers: Fingers, *, touching: bool = False
    ) -> None:
        """``touching``: only what touches is judged, and no clearance demanded."""
        self._cell = cell
        self._touching = touching
        self._arm = _subtree(model, int(model.jnt_bodyid[model.joint(cell.arm.joints[0]).id]))
        base = model.body(int(model.body(self._arm[0]).parentid[0])).name
        self._links = {*self._arm, base}
        self._fingers = set(fingers.bodies)
        self._objects = {thing.body: name for name, thing in cell.objects.items()}
        self._obstacles = {box.body: name for name, box in cell.obstacles.items()}
        self._containers = {box.body: name for name, box in cell.regions.items() if box.body}

    def judge(
        self,
        pairs: Sequence[Pair],
        grips: Mapping[str, Grip],
        timeline: Timeline,
    ) -> tuple[list[Violation], float | None, str]:
        """Return violations, the smallest clearance [m] to an obstacle, and its pair."""
        violations = []
        nearest: float | None = None
        whose = ""
        for pair in pairs:
            rule = self._rule(pair, grips)
            if rule is None:
                continue
            if self._touching:
                rule = replace(rule, limit=0.0)
            rows, distance = _judged(pair, rule)
            if (
                len(distance)
                and self._obstacle(pair)
                and (nearest is None or distance.min() < nearest)
            ):
                nearest, whose = float(distance.min()), " and ".join(self._spoken(pair))
            bad = _below(rows, distance, rule)
            if bad is not None:
                violations.append(self._violation(pair, rule, bad, rows, distance, timeline))
        return violations, nearest, whose

    def blame(
        self,
        strain: Violation,
        pairs: Sequence[Pair],
        grips: Mapping[str, Grip],
        timeline: Timeline,
    ) -> Violation:
        """Name what a finger presses on where a joint lags or strains: it may touch things."""
        row = timeline.row(strain.time)
        for pair in pairs:
            name = self._objects.get(pair.one) or self._objects.get(pair.other)
            fingers = {pair.one, pair.other} & self._fingers
            if name and fingers and not grips[name].held[row] and _depth(pair, row) > 0:
                finger, thing = self._spoken(pair)
                return replace(strain, hint=f"{finger} presses on {thing}: go beside or above it")
        return strain

    def _rule(self, pair: Pair, grips: Mapping[str, Grip]) -> Rule | None:
        """Return what two bodies may do, or None where they may do as they like."""
        bodies = {pair.one, pair.other}
        held = bodies & set(self._objects)
        links = bodies & self._links
        if len(held) == 2:
            return None  # pushing one with the other shows as displaced
        if held and links:
            # Fingers may touch what they grasp; what they push away shows as displaced.
            return None if links <= self._fingers else Rule(0.0)
        if held:
            return self._held_rule(grips[self._objects[held.pop()]], bodies)
        check = self._cell.check
        if len(links) == 2:  # an empty gripper that closes brings its fingers together
            return None if links <= self._fingers else Rule(check.self_clearance)
        if links:
            table = bodies & set(check.tables)
            return Rule(check.table_clearance if table else check.clearance)
        return None

    def _held_rule(self, grip: Grip, bodies: set[str]) -> Rule | None:
        """An object that lies somewhere touches it; one that is held must touch nothing hard.

        Whether the cell names that or not. From a table it is taken, or from the world's floor:
        what presses there shows as a force.
        """
        if not grip.ever or bodies & {"world", *self._cell.check.tables}:
            return None
        walls = bodies & set(self._containers)
        return Rule(CONTAINER_WALL if walls else self._cell.check.clearance, grip.held)

    def _obstacle(self, pair: Pair) -> bool:
        return bool({pair.one, pair.other} & {*self._obstacles, *self._containers})

    def _violation(
        self,
        pair: Pair,
        rule: Rule,
        first: int,
        rows: NDArray[np.int64],
        distance: NDArray[np.float64],
        timeline: Timeline,
    ) -> Violation:
        worst = float(distance[first:].min())
        step, time = timeline.moment(int(rows[first]))
        hits = worst < (PENETRATION if rule.limit > 0 else -PENETRATION)
        kind = ViolationKind.COLLISION if hits else ViolationKind.CLEARANCE
        one, other = self._spoken(pair)
        what = _hit(other, worst) if hits else _near(other, worst, rule.limit)
        hint, detail = self._advice(one, other)
        return Violation(
            kind=kind,
            step=step,
            time=time,
            subject=f"{one} and {other}",
            value=worst,
            limit=rule.limit,
            unit="m",
            sentence=f"In step {step} at {time:.2f} s, {one} {what}.",
            hint=hint,
            detail=detail,
        )

    def _spoken(self, pair: Pair) -> tuple[str, str]:
        """Name what moves (more) first, and things as the cell names them."""
        names = {**self._objects, **self._obstacles, **self._containers}
        one, other = pair.one, pair.other
        if other in self._links or (one not in self._links and other in self._objects):
            one, other = other, one
        return names.get(one, one), names.get(other, other)

    def _advice(self, one: str, other: str) -> tuple[str, dict[str, object]]:
        box = self._cell.obstacles.get(other) or self._cell.regions.get(other)
        if box is None and other in self._links:
            return "choose another tilt or yaw, or go there by way of arm_home", {"other": other}
        if box is None:
            return f"raise the target so that {one} stays above {other}", {"other": other}
        top = box.center[2] + box.size[2] / 2
        detail = {
            "obstacle": other,
            "center": list(box.center),
            "size": list(box.size),
            "yaw": box.yaw,
            "top_z": top,
        }
        hint = (
            f"{other} stands at x={box.center[0]:.3f} y={box.center[1]:.3f}, its top at "
            f"z={top:.3f} m: pass with {one} above z={top + ABOVE:.3f} m, "
            "or let avoid=true find a way"
        )
        return hint, detail


def _judged(pair: Pair, rule: Rule) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the rows and distances at which the rule counts."""
    rows, distance = pair.rows, pair.distance
    if rule.judged is not None:
        mine = rule.judged[rows]
        rows, distance = rows[mine], distance[mine]
    return rows, distance


def _hit(other: str, distance: float) -> str:
    return f"hits {other}, {-distance * 1000:.1f} mm deep" if distance < 0 else f"touches {other}"


def _near(other: str, distance: float, limit: float) -> str:
    return (
        f"comes within {max(distance, 0.0) * 1000:.1f} mm of {other}; "
        f"{limit * 1000:.1f} mm are demanded"
    )


def _below(rows: NDArray[np.int64], distance: NDArray[np.float64], rule: Rule) -> int | None:
    """Return the index of the first distance below the rule's limit.

    A pair that begins too near may go apart: until it has been clear once, it only must not come
    nearer than it began. So that no row of plans brings it there bit by bit, half the limit is the
    end of that: what is nearer, and is not held, has to end farther from there than it began.
    """
    if not len(distance):
        return None
    floor = np.full(len(distance), rule.limit if rule.limit > 0 else -PENETRATION)
    if rows[0] == 0 and distance[0] < floor[0]:
        clear = np.flatnonzero(distance >= floor)
        until = int(clear[0]) if len(clear) else len(distance)
        half = rule.limit / 2
        floor[:until] = distance[0] - PENETRATION
        if distance[0] >= half:
            floor[:until] = np.maximum(floor[:until], half)
        elif not len(clear) and rule.judged is None:
            floor[-1] = distance[0] + PENETRATION
    bad = np.flatnonzero(distance < floor)
    return int(bad[0]) if len(bad) else None


def _depth(pair: Pair, row: int) -> float:
    """Return how deep [m] two bodies are in one another at a row; negative where they are not."""
    at = int(np.searchsorted(pair.rows, row))
    there = at < len(pair.rows) and pair.rows[at] == row
    return -float(pair.distance[at]) if there else -math.inf


def _subtree(model: mujoco.MjModel, root: int) -> list[str]:
    """Return the names of a body and all that hangs on it."""
    inside = {root}
    for body in range(root + 1, model.nbody):
        if int(model.body_parentid[body]) in inside:
            inside.add(body)
    return [model.body(body).name for body in sorted(inside)]
