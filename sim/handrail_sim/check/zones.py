"""Zones over a rollout: where no link may be, which none may leave, where all have to be slow.

The same geometry that the loop asks on its ticks (:mod:`handrail_sim.links`). Between two rows
that are looked at nothing can have come nearer than the distance that was seen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from handrail_sim.cell import WATCHED, Cell, Zone, ZoneKind
from handrail_sim.check.grips import Grip
from handrail_sim.check.rollout import Rollout
from handrail_sim.check.timeline import Timeline
from handrail_sim.links import Links
from handrail_sim.verdict import Violation, ViolationKind
from handrail_sim.world import Array

Names = tuple[str, ...]
SPARE = 0.95  # of the speed that would just pass, in a hint


class Zones:
    """Judges where the links of one cell's arm go, and what it holds, against some of its zones."""

    def __init__(self, cell: Cell, zones: Mapping[str, Zone]) -> None:
        self._zones = zones
        self._links = Links(cell, objects=True)
        self._bodies = {name: thing.body for name, thing in cell.objects.items()}

    def judge(
        self, run: Rollout, grips: Mapping[str, Grip], timeline: Timeline
    ) -> Iterator[Violation]:
        """Yield the first violation of each zone."""
        for name, row, link, value in self.entries(run, grips, timeline):
            yield _violation(name, self._zones[name], link, value, timeline.moment(row))

    def entries(
        self, run: Rollout, grips: Mapping[str, Grip], timeline: Timeline
    ) -> Iterator[tuple[str, int, str, float]]:
        """Yield for each zone that is violated its name, the first row, who and by how much."""
        if not self._zones:
            return
        travel = self._links.travel(run.position)
        carried = _carried(grips, self._bodies, len(run.qpos))
        for name, zone in self._zones.items():
            found = self._first(zone, run, carried, travel, timeline.rate)
            if found is not None:
                yield name, *found

    def _first(
        self, zone: Zone, run: Rollout, carried: Sequence[Names], travel: Array, rate: float
    ) -> tuple[int, str, float] | None:
        """Return at which row who first violates a zone, and by how much; or is fastest in it."""
        taken = [row for row in range(1, len(carried)) if carried[row] != carried[row - 1]]
        ends = [*taken, len(run.qpos)]
        fastest: tuple[int, str, float] | None = None
        row = 0
        while row < len(run.qpos):
            self._links.place(run.qpos[row])
            room, link = self._room(zone, run.position[row].tolist(), carried[row])
            if room < 0 and zone.speed is None:
                return row, link, -room
            if room < 0 and zone.speed is not None:
                speed = self._speed(run.position[max(row - 1, 0) :][:2].tolist(), rate)
                if speed > max(zone.speed, fastest[2] if fastest else 0.0):
                    fastest = row, link, speed
            unseen = max(row + 1, int(np.searchsorted(travel, travel[row] + room)))
            row = min(unseen, ends[bisect_right(ends, row)])
        return fastest

    def _room(self, zone: Zone, position: Sequence[float], carried: Names) -> tuple[float, str]:
        """Return how far [m] the nearest link may still go, and its name."""
        links = (*self._links.moved, *carried)
        if zone.kind == ZoneKind.KEEP_IN:
            out, link = self._links.farthest_out(position, links, zone.box)
            return -out - zone.margin, link
        distance, link = self._links.nearest(position, links, zone.box)
        return distance - zone.margin, link

    def _speed(self, positions: Sequence[Sequence[float]], rate: float) -> float:
        """Return the fastest point's speed [m/s] between two rows of joints."""
        before, after = (self._links.corners(position) for position in positions)
        return float(np.linalg.norm(after - before, axis=-1).max()) * rate


def demanded(cell: Cell, *, margins: bool = True) -> dict[str, Zone]:
    """Return the zones that no plan may violate; without margins, those of the loop alone."""
    if margins:
        return {name: zone for name, zone in cell.zones.items() if zone.kind != ZoneKind.ASK}
    return {
        name: zone.model_copy(update={"margin": 0.0})
        for name, zone in cell.zones.items()
        if zone.kind in WATCHED
    }


def _carried(grips: Mapping[str, Grip], bodies: Mapping[str, str], rows: int) -> list[Names]:
    """Return the bodies that are held at each row."""
    held = {bodies[name]: grip.held for name, grip in grips.items() if grip.ever}
    return [tuple(body for body, when in held.items() if when[row]) for row in range(rows)]


def _violation(
    name: str, zone: Zone, link: str, value: float, moment: tuple[int, float]
) -> Violation:
    step, time = moment
    if zone.kind == ZoneKind.SLOW and zone.speed is not None:
        kind, limit, unit = ViolationKind.ZONE_SPEED, zone.speed, "m/s"
        text = f"{link} is in {name}, and the arm moves at {value:.2f} m/s"
        hint = f"step {step} may go at {SPARE * limit / value:.2g} of its speed, or round the zone"
    elif zone.kind == ZoneKind.KEEP_IN:
        kind, limit, unit = ViolationKind.ZONE, 0.0, "m"
        text = f"{link} reaches {value * 1000:.0f} mm out of {name}"
        hint = f"stay inside: {_where(zone)}"
    else:
        kind, limit, unit = ViolationKind.ZONE, 0.0, "m"
        text = f"{link} is {value * 1000:.0f} mm too near to {name}, or in it"
        hint = f"go round it: {_where(zone)}, and {zone.margin * 1000:.0f} mm are to be left"
    return Violation(
        kind=kind,
        step=step,
        time=time,
        subject=f"{link} and {name}",
        value=value,
        limit=limit,
        unit=unit,
        sentence=f"In step {step} at {time:.2f} s, {text}.",
        hint=hint,
        detail={"zone": name, "center": list(zone.center), "size": list(zone.size)},
    )


def _where(zone: Zone) -> str:
    x, y, z = zone.center
    long, wide, high = zone.size
    return (
        f"centre ({x:.3f}, {y:.3f}, {z:.3f}) m, size ({long:.3f}, {wide:.3f}, {high:.3f}) m, "
        f"turned by {zone.yaw:.2f} rad"
    )
