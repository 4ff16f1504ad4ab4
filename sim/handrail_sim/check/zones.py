"""Zones over a rollout: where no link may be, which none may leave, where all have to be slow.

The same geometry that the loop asks on its ticks (:mod:`handrail_sim.links`): bounding shapes at
every row at once, distances only where those come near.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from handrail_sim.cell import Cell, Zone, ZoneKind
from handrail_sim.check.contacts import Look
from handrail_sim.check.grips import Grip
from handrail_sim.check.rollout import Rollout
from handrail_sim.check.timeline import Timeline
from handrail_sim.links import Links
from handrail_sim.verdict import Violation, ViolationKind
from handrail_sim.world import Array

Names = tuple[str, ...]
Found = tuple[int, str, float]  # in which row, who, and by how much
SPARE = 0.95  # of the speed that would just pass, in a hint


class Zones:
    """Judges where the links of one cell's arm go, and what it holds, against some of its zones."""

    def __init__(self, cell: Cell, zones: Mapping[str, Zone]) -> None:
        self._zones = zones
        self._links = Links(cell, objects=True)
        self._bodies = {name: thing.body for name, thing in cell.objects.items()}

    def judge(
        self, run: Rollout, look: Look, grips: Mapping[str, Grip], timeline: Timeline
    ) -> Iterator[Violation]:
        """Yield the first violation of each zone."""
        for name, row, link, value in self.entries(run, look, grips, timeline):
            yield _violation(name, self._zones[name], link, value, timeline.moment(row))

    def entries(
        self, run: Rollout, look: Look, grips: Mapping[str, Grip], timeline: Timeline
    ) -> Iterator[tuple[str, int, str, float]]:
        """Yield for each zone that is violated its name, the first row, who and by how much.

        Of a slow one the fastest row.
        """
        if not self._zones:
            return
        carried = _carried(grips, self._bodies, len(run.qpos))
        for name, zone in self._zones.items():
            found = [
                there
                for rows, held in carried
                if (there := self._in(zone, run, look, rows, held, timeline.rate)) is not None
            ]
            if found and zone.kind == ZoneKind.SLOW:
                yield name, *max(found, key=lambda there: there[2])
            elif found:
                yield name, *found[0]

    def _in(
        self, zone: Zone, run: Rollout, look: Look, rows: range, held: Names, rate: float
    ) -> Found | None:
        """Return where a zone is violated in some rows, in which ``held`` is what is held."""
        links = (*self._links.moved, *held)
        inside = slice(rows.start, rows.stop)
        if zone.kind == ZoneKind.KEEP_IN:
            found = self._links.first_out(
                look.places[inside], look.frames[inside], links, zone.box, zone.margin
            )
            return found and (rows.start + found[0], found[1], found[2] + zone.margin)
        away = self._links.spheres_away(look.places[inside], links, zone.box)
        near = rows.start + np.flatnonzero(away < zone.margin)
        if zone.kind == ZoneKind.SLOW and zone.speed is not None:
            return self._fastest(zone, run, near, links, self._speeds(look, near, rate))
        return self._enters(zone, run, near, links)

    def _enters(
        self, zone: Zone, run: Rollout, near: NDArray[np.int64], links: Names
    ) -> Found | None:
        """Between two rows nothing comes nearer than it travels."""
        travel = self._links.travel(run.position)
        seen = -1.0  # m of travel before which nothing can have come there
        for row in near.tolist():
            if travel[row] > seen:
                room, link = self._room(zone, run, row, links)
                if room < 0:
                    return row, link, -room
                seen = float(travel[row]) + room
        return None

    def _fastest(
        self, zone: Zone, run: Rollout, near: NDArray[np.int64], links: Names, speeds: Array
    ) -> Found | None:
        fast = np.flatnonzero(speeds > (zone.speed or 0.0))
        for index in fast[np.argsort(-speeds[fast])].tolist():
            row = int(near[index])
            room, link = self._room(zone, run, row, links)
            if room < 0:
                return row, link, float(speeds[index])
        return None

    def _room(self, zone: Zone, run: Rollout, row: int, links: Names) -> tuple[float, str]:
        """Return how far [m] the nearest link may still go to a zone, and its name."""
        self._links.place(run.qpos[row])
        distance, link = self._links.nearest(run.position[row].tolist(), links, zone.box)
        return distance - zone.margin, link

    def _speeds(self, look: Look, rows: NDArray[np.int64], rate: float) -> Array:
        """Return the fastest point's speed [m/s] of the links in some rows."""
        before = np.maximum(rows - 1, 0)
        then, now = (
            self._links.corners_of(look.places[at], look.frames[at]) for at in (before, before + 1)
        )
        speeds: Array = np.linalg.norm(now - then, axis=-1).max(axis=(1, 2), initial=0.0) * rate
        return speeds


def demanded(cell: Cell, *, margins: bool = True) -> dict[str, Zone]:
    """Return the zones that no plan may violate; without margins, as other worlds have them."""
    zones = {name: zone for name, zone in cell.zones.items() if zone.kind != ZoneKind.ASK}
    if margins:
        return zones
    return {name: zone.model_copy(update={"margin": 0.0}) for name, zone in zones.items()}


def _carried(
    grips: Mapping[str, Grip], bodies: Mapping[str, str], rows: int
) -> list[tuple[range, Names]]:
    """Return what is held, as bodies, and from which row to which."""
    held = {bodies[name]: grip.held for name, grip in grips.items() if grip.ever}
    changes = [np.flatnonzero(np.diff(when)) + 1 for when in held.values()]
    ends = sorted({0, rows, *np.concatenate([np.empty(0, int), *changes]).tolist()})
    return [
        (range(begin, end), tuple(body for body, when in held.items() if when[begin]))
        for begin, end in pairwise(ends)
    ]


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
