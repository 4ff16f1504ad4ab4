"""Judges a pipeline on held-out pictures: boxes, positions, and hands in the watched zone.

``python -m handrail_bridge.bench.perception.accuracy``: what a model's card says (MUJOCO_GL=egl).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from handrail_sim.cell import Cell
from handrail_sim.cell_file import cell_path, load_cell
from handrail_sim.train.held_out import HeldOut, Item, Shot
from numpy.typing import NDArray

from handrail_bridge.perception.pipeline import Pipeline
from handrail_bridge.perception.result import Seen, Sighting

OVERLAP = 0.5  # of a box and the true one, that makes a hit (mAP50)
VAGUE = 0.3  # of a box and a thing that is half hidden: neither hit nor miss
Edges = tuple[float, float, float, float]


@dataclass(slots=True)
class Tally:
    """What was found in all pictures so far. Positions in m, turns in rad."""

    there: dict[str, int] = field(default_factory=dict)  # things by label
    claims: dict[str, list[tuple[float, bool]]] = field(default_factory=dict)  # score, hit
    off: list[float] = field(default_factory=list)
    turned: list[float] = field(default_factory=list)
    hands: list[bool] = field(default_factory=list)  # seen, of pictures with one in the zone
    alarms: list[bool] = field(default_factory=list)  # of pictures without any

    @property
    def average_precision(self) -> dict[str, float]:
        """Area under precision over recall at half overlap, by label."""
        return {name: _area(self.claims.get(name, []), count) for name, count in self.there.items()}


def judge(cell: Cell, pipeline: str, watch: str, shots: Iterable[Shot]) -> Tally:
    """Look at every shot with a fresh pipeline's tracks and compare with what is in it.

    The camera of each shot is the one that it was taken with: what a calibration leaves is not
    the model's.
    """
    settings = cell.perception[pipeline]
    path = cell_path(cell.folder, settings.model)
    tally = Tally()
    looking: Pipeline | None = None
    for number, shot in enumerate(shots):
        if looking is None:
            looking = Pipeline(pipeline, settings, shot.camera, path)
        looking.hang(shot.camera)
        # a second apart: nothing lingers from the shot before
        seen = looking.look(shot.image, number, (number + 1) * 1_000_000_000)
        _compare(tally, shot, seen)
        near = seen.distances[watch] == 0.0
        (tally.hands if shot.hand else tally.alarms).append(near)
    return tally


def shots(cell: Cell, pairs: int, seed: int, zone: Edges) -> Iterable[Shot]:
    """Yield shots of a cell, with a hand in the zone and without in turn."""
    drawn = HeldOut(cell, seed, zone)
    try:
        for _ in range(pairs):
            yield drawn.shot(hand=True)
            yield drawn.shot(hand=False)
    finally:
        drawn.close()


def watched_zone(cell: Cell, pipeline: str, watch: str) -> Edges:
    """Return x_min x_max y_min y_max [m] of a watched zone."""
    zone = cell.perception[pipeline].watch[watch]
    (x, y, _), (wide, deep, _) = zone.center, zone.size
    return x - wide / 2, x + wide / 2, y - deep / 2, y + deep / 2


def figures(tally: Tally) -> list[str]:
    """Return what a card says: a line a figure."""
    solid = [value for name, value in tally.average_precision.items() if name != "hand"]
    off = np.array(tally.off) * 1e3
    turned = np.degrees(np.percentile(tally.turned, 95))
    return [
        f"mAP50 of cubes, bins and post: {np.mean(solid):.3f}",
        f"a cube's position, median and 95th percentile of {len(off)}: "
        f"{np.median(off):.2f} mm, {np.percentile(off, 95):.2f} mm",
        f"a cube's direction, 95th percentile: {turned:.1f} deg",
        f"pictures with a hand in the zone in which it is seen: {np.mean(tally.hands):.2%} of "
        f"{len(tally.hands)}",
        f"pictures without in which one is seen: {np.mean(tally.alarms):.2%} of "
        f"{len(tally.alarms)}",
    ]


def main() -> None:
    """Print the figures of the desk's model."""
    parser = argparse.ArgumentParser(description="Judge the desk's detector on held-out pictures.")
    parser.add_argument("--pairs", type=int, default=2000, help="a hand in one of each two")
    parser.add_argument("--seed", type=int, default=9100)
    options = parser.parse_args()
    cell = load_cell("desk_watched")
    drawn = shots(cell, options.pairs, options.seed, watched_zone(cell, "eyes", "hand"))
    sys.stdout.write("\n".join(figures(judge(cell, "eyes", "hand", drawn))) + "\n")


def _compare(tally: Tally, shot: Shot, seen: Seen) -> None:
    for item in shot.items:
        tally.there[item.name] = tally.there.get(item.name, 0) + 1
    free = list(shot.items)
    for one in sorted(seen.sightings, key=lambda sighting: -sighting.score):
        best = max(
            (item for item in free if item.name == one.label),
            key=lambda item: overlap(one.box, item.box),
            default=None,
        )
        if best is not None and overlap(one.box, best.box) >= OVERLAP:
            free.remove(best)
            tally.claims.setdefault(one.label, []).append((one.score, True))
            _place(tally, one, best)
        elif not _is_vague(one, shot):
            tally.claims.setdefault(one.label, []).append((one.score, False))


def _place(tally: Tally, one: Sighting, item: Item) -> None:
    if item.position is None or one.position is None:
        return
    tally.off.append(math.dist(one.position[:2], item.position[:2]))
    if one.yaw is not None:
        tally.turned.append(abs(math.remainder(one.yaw - item.yaw, math.pi / 2)))


def _is_vague(one: Sighting, shot: Shot) -> bool:
    return any(name == one.label and overlap(one.box, box) >= VAGUE for name, box in shot.vague)


def overlap(one: Edges, other: Edges) -> float:
    """Return the area in both boxes by the area in any."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide * high / (areas - wide * high)


def _area(claims: list[tuple[float, bool]], count: int) -> float:
    """Area under the precision that is reached at each recall or beyond (all points)."""
    ranked = sorted(claims, key=lambda claim: -claim[0])
    hits: NDArray[np.int64] = np.cumsum([hit for _, hit in ranked], dtype=np.int64)
    if not len(hits):
        return 0.0
    precision = hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    recall = hits / count
    return float((np.diff(recall, prepend=0.0) * best).sum())


if __name__ == "__main__":
    main()
