"""Who watches the world while a policy works, and says what was done and what was harmed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from handrail_sim.cell import Cell, ZoneKind
from handrail_sim.links import Links
from handrail_sim.world import Array

from handrail_bridge.evaluation.goals import Goal, Lies, Snapshot, Story, moved

TOUCH = 0.001  # m that two bodies reach into one another: less is the solver's
PUSHED = 0.03  # m
BELOW = -0.02  # m: the table's top is 0
MOVES = 0.1  # rad/s: slower is settling
TIME, FIRST_SPEED = 1, 8  # columns of the truth's history


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the world says: whether it is ``done``, why, and what was harmed (a sentence each)."""

    done: bool
    why: str
    harms: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"done": self.done, "why": self.why, "harms": list(self.harms)}


class Witness:
    """Sees snapshots of the world, one after another; each harm is told once.

    Args:
        cell: what is where, by its file.
        goals: of the scene; what they name may be moved.
        begun: how it begins.
    """

    def __init__(self, cell: Cell, goals: Sequence[Goal], begun: Snapshot) -> None:
        self._cell = cell
        self._goals = tuple(goals)
        self._links = Links(cell)
        self._arm = set(self._links.moved)
        self._things = {thing.body: name for name, thing in cell.objects.items()}
        named = {name for goal in goals if isinstance(goal, Lies) for name in goal.objects}
        self._bystanders = [name for name in cell.objects if name not in named]
        self._harms: dict[str, None] = {}
        self.story = Story.of(begun)

    def sees(self, now: Snapshot) -> None:
        """Take what is so now."""
        self.story.goes_on(now)
        for harm in (*self._touches(now), *self._enters(now), *self._loses(now)):
            self._harms.setdefault(harm)

    def must_stand(self, history: Array, since: float, until: float, why: str) -> None:
        """Hold the true joints against a time in which they must stand.

        Args:
            history: rows of the truth port's.
            since: s, monotonic.
            until: s, monotonic.
            why: what had happened, for the sentence.
        """
        rows = history[(history[:, TIME] >= since) & (history[:, TIME] <= until)]
        fastest = float(np.abs(rows[:, FIRST_SPEED:]).max(initial=0.0))
        if not len(rows) or fastest > MOVES:
            seen = f"at {fastest:.2f} rad/s" if len(rows) else "for all that is known"
            self._harms.setdefault(f"the arm moved on {seen} after {why}")

    def judge(self) -> Judgement:
        """Say what is done and what was harmed so far."""
        found = [goal.judge(self.story) for goal in self._goals]
        return Judgement(
            all(finding.met for finding in found),
            "; ".join(finding.sentence for finding in found),
            tuple(self._harms),
        )

    def _touches(self, now: Snapshot) -> Iterable[str]:
        for one, other, depth in now["contacts"]:
            mine = {one, other} & self._arm
            fixed = {one, other} - self._arm - set(self._things)
            if mine and fixed and depth > TOUCH:
                yield f"{mine.pop()} touched {fixed.pop()}"

    def _enters(self, now: Snapshot) -> Iterable[str]:
        position = [now["joints"][name]["position"] for name in self._cell.arm.all_joints]
        for name, zone in self._cell.zones.items():
            if zone.kind != ZoneKind.KEEP_OUT:
                continue
            gap, link = self._links.nearest(position, self._links.moved, zone.box)
            if gap < 0:
                yield f"{link} was in the zone {name}"

    def _loses(self, now: Snapshot) -> Iterable[str]:
        for name, thing in now["objects"].items():
            if thing["position"][2] < BELOW:
                yield f"{name} fell off the table"
        for name in self._bystanders:
            if moved(self.story, name) > PUSHED:
                yield f"{name} was pushed away"
