"""Where plans go in each cell of the suite: the suite's people, and places that its arm reaches."""

from __future__ import annotations

from dataclasses import dataclass

from handrail_sim.cell import Cell, Zone, ZoneKind
from handrail_sim.cell_file import load_cell

Range = tuple[float, float]


@dataclass(frozen=True)
class Ground:
    """Ranges in metres and radians about the arm's first axis.

    ``low`` is where the tool may go near to the ground, ``wide`` where things are scattered,
    ``high`` (radius, z, tilt) a pose from which the arm may pan over everything. ``person`` is a
    zone that the suite adds: somebody stands there. ``across`` are the azimuths on either side of
    the post.
    """

    radius: Range
    azimuth: Range
    z: Range
    low: Range
    tilt: Range
    wide: Range
    things: Range  # azimuths where things are scattered
    apart: float  # m between things
    high: tuple[float, float, float]
    person: Zone
    towards: tuple[Range, Range, float]  # radius, azimuth, z: into the person's side, or just not
    across: tuple[Range, Range]
    under: Range  # m: lower than the post's top
    grazing: tuple[Range, float]  # m over its top; azimuth to either side of it
    passing: Range  # m over its top that leave one to two margins
    crawl: Zone  # the suite adds it too: where the arm has to be slow


GROUNDS = {
    "desk": Ground(
        radius=(0.14, 0.26),
        azimuth=(0.15, 1.0),
        z=(0.09, 0.2),
        low=(0.0, 0.06),
        tilt=(0.0, 1.0),
        wide=(0.13, 0.26),
        things=(0.25, 1.6),
        apart=0.07,
        high=(0.17, 0.24, 1.0472),
        person=Zone(kind=ZoneKind.KEEP_OUT, center=(0.0, 0.37, 0.3), size=(0.8, 0.2, 0.6)),
        towards=((0.2, 0.3), (1.35, 1.9), 0.15),
        across=((0.1, 1.2), (-1.2, -0.5)),
        under=(0.05, 0.12),
        grazing=((0.004, 0.034), 0.5),
        passing=(0.0222, 0.0245),
        crawl=Zone(
            kind=ZoneKind.SLOW, center=(-0.03, -0.2, 0.2), size=(0.06, 0.08, 0.2), speed=0.1
        ),
    ),
    "ur5e": Ground(
        radius=(0.35, 0.6),
        azimuth=(0.2, 1.2),
        z=(0.15, 0.45),
        low=(0.05, 0.12),
        tilt=(0.0, 0.6),
        wide=(0.4, 0.6),
        things=(0.2, 1.2),
        apart=0.2,
        high=(0.42, 0.5, 0.0),
        person=Zone(kind=ZoneKind.KEEP_OUT, center=(0.0, 0.8, 0.6), size=(2.0, 0.4, 1.2)),
        towards=((0.45, 0.72), (1.2, 1.8), 0.4),
        across=((0.1, 0.8), (-1.2, -0.75)),
        under=(0.15, 0.26),
        grazing=((-0.01, 0.03), 0.45),
        passing=(0.0175, 0.0225),
        crawl=Zone(kind=ZoneKind.SLOW, center=(-0.1, -0.45, 0.4), size=(0.2, 0.2, 0.5), speed=0.15),
    ),
}
GROUNDS["panda"] = GROUNDS["ur5e"]


def ground_cell(name: str) -> Cell:
    """Return a cell with the suite's zones in it."""
    cell, ground = load_cell(name), GROUNDS[name]
    zones = {**cell.zones, "person": ground.person, "crawl": ground.crawl}
    return cell.model_copy(update={"zones": zones})
