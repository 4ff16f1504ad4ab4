"""A checked motion as a picture: the TCP's way from above and from the side, as SVG."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as Xml

import numpy as np
from handrail_drivers.reflex import Box
from handrail_sim.cell import Cell, ZoneKind
from handrail_sim.verdict import Array, ObjectBelief, Verdict

SCALE = 1000.0  # px/m
ROOM = 0.06  # m round what is drawn
GAP = 30  # px between the two views
ZONES = {
    ZoneKind.KEEP_OUT: "#c62828",
    ZoneKind.KEEP_IN: "#2e7d32",
    ZoneKind.SLOW: "#f9a825",
    ZoneKind.ASK: "#ef6c00",
}


@dataclass(frozen=True)
class View:
    """One view: the world's axes that run to the right and up, and what is in it [m]."""

    title: str
    across: int
    up: int
    low: Array
    high: Array
    left: float  # px

    @property
    def width(self) -> float:
        """How wide it is [px]."""
        return SCALE * float(self.high[self.across] - self.low[self.across])

    @property
    def height(self) -> float:
        """How high it is [px]."""
        return SCALE * float(self.high[self.up] - self.low[self.up])

    def points(self, places: Sequence[Sequence[float]]) -> str:
        """Return places [m] as SVG's points."""
        return " ".join(
            f"{self.left + SCALE * (place[self.across] - self.low[self.across]):.1f},"
            f"{GAP + SCALE * (self.high[self.up] - place[self.up]):.1f}"
            for place in places
        )

    def outline(self, box: Box) -> str:
        """Return a box's outline as SVG's points."""
        corners = _corners(box)
        if self.up == 1:
            return self.points([corners[index] for index in (0, 2, 6, 4)])
        low, high = np.min(corners, axis=0), np.max(corners, axis=0)
        return self.points([low, [*high[:2], low[2]], high, [*low[:2], high[2]]])


def picture(cell: Cell, objects: Mapping[str, ObjectBelief], verdict: Verdict) -> str:
    """Return the SVG of a motion: obstacles, regions, zones, things, and the TCP's way."""
    way = np.zeros((1, 3)) if verdict.path is None else verdict.path
    low, high = _extent(cell, way)
    above = View("from above (x to the right, y up)", 0, 1, low, high, 0.0)
    side = View("from the side (x to the right, z up)", 0, 2, low, high, above.width + GAP)
    views = (above, side)
    width, height = side.left + side.width, GAP + max(view.height for view in views)
    root = Xml.Element(
        "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width:.0f} {height:.0f}"
    )
    Xml.SubElement(root, "rect", width="100%", height="100%", fill="#ffffff")
    for view in views:
        _draw(root, view, cell, objects, verdict, way)
    return Xml.tostring(root, encoding="unicode")


def _draw(
    root: Xml.Element,
    view: View,
    cell: Cell,
    objects: Mapping[str, ObjectBelief],
    verdict: Verdict,
    way: Array,
) -> None:
    frame = Xml.SubElement(root, "svg", overflow="hidden")
    _text(frame, view.left + 4, GAP - 10, view.title)
    for name, zone in cell.zones.items():
        _shape(frame, view, zone.box, name, fill="none", stroke=ZONES[zone.kind], dash=True)
    for name, region in cell.regions.items():
        box = region.center, region.size, region.yaw
        _shape(frame, view, box, name, fill=region.color or "#bdbdbd", opacity="0.25")
    for name, obstacle in cell.obstacles.items():
        box = obstacle.center, obstacle.size, obstacle.yaw
        _shape(frame, view, box, name, fill="#616161")
    for name, box in _things(cell, objects):
        _shape(frame, view, box, name, fill=cell.objects[name].color)
    for name, box in _things(cell, verdict.end_objects):
        _shape(frame, view, box, "", fill="none", stroke=cell.objects[name].color, dash=True)
    thin = way[:: max(1, len(way) // 400)].tolist()
    line = {"fill": "none", "stroke": "#1565c0", "stroke-width": "2"}
    line["points"] = view.points([*thin, way[-1].tolist()])
    Xml.SubElement(frame, "polyline", line)
    for place, fill in ((way[0], "#ffffff"), (way[-1], "#1565c0")):
        x, y = view.points([place.tolist()]).split(",")
        Xml.SubElement(frame, "circle", cx=x, cy=y, r="5", fill=fill, stroke="#1565c0")


def _shape(
    frame: Xml.Element,
    view: View,
    box: Box,
    name: str,
    *,
    fill: str,
    stroke: str = "none",
    opacity: str = "1",
    dash: bool = False,
) -> None:
    look = {"points": view.outline(box), "fill": fill, "stroke": stroke, "fill-opacity": opacity}
    if dash:
        look |= {"stroke-dasharray": "6 4", "stroke-width": "2"}
    shape = Xml.SubElement(frame, "polygon", look)
    Xml.SubElement(shape, "title").text = name


def _text(frame: Xml.Element, x: float, y: float, text: str) -> None:
    look = {"font-family": "sans-serif", "font-size": "14", "x": f"{x:.0f}", "y": f"{y:.0f}"}
    Xml.SubElement(frame, "text", look).text = text


def _things(cell: Cell, objects: Mapping[str, ObjectBelief]) -> Iterator[tuple[str, Box]]:
    """Yield where things are believed to be, as boxes that stand upright."""
    for name, belief in objects.items():
        if belief.source != "unknown":
            w, _, _, z = belief.quaternion
            yield name, (belief.position, cell.objects[name].size, 2 * math.atan2(z, w))


def _extent(cell: Cell, way: Array) -> tuple[Array, Array]:
    """Return the corners [m] of what has to be seen: the way, regions, obstacles, the table."""
    boxes: list[Box] = [(one.center, one.size, one.yaw) for one in cell.regions.values()]
    boxes += [(one.center, one.size, one.yaw) for one in cell.obstacles.values()]
    corners = [corner for box in boxes for corner in _corners(box)]
    places = np.array([*corners, *way.tolist(), (*cell.arm.axis, 0.0)])
    return places.min(axis=0) - ROOM, places.max(axis=0) + ROOM


def _corners(box: Box) -> list[tuple[float, float, float]]:
    """Return a box's corners [m], the one with the least coordinates in its frame first."""
    (x, y, z), (long, wide, high), yaw = box
    cos, sin = math.cos(yaw), math.sin(yaw)
    return [
        (x + a * long * cos - b * wide * sin, y + a * long * sin + b * wide * cos, z + c * high)
        for a, b, c in itertools.product((-0.5, 0.5), repeat=3)
    ]
