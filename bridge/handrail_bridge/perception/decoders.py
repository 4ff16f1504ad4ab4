"""Decoders of things in a picture: boxes, keypoints by heat, parts. All take a batch of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from handrail_drivers.decoder import Find, Findings, Tensor
from numpy.typing import NDArray
from pydantic import Field

from handrail_bridge.perception.outputs import Array, OfLabels, Share, active, shaped
from handrail_bridge.vision import outlines

OUTLINE = 1024  # places of a part that are told; of more all on its edge, and some within


class Boxes:
    """Boxes as YOLO-style heads export them: outputs (1, values, places) or (1, places, values).

    Values run: box, objectness (if any), a score for each class, keypoints, cos and sin of a turn.
    """

    class Settings(OfLabels):
        """The order of the numbers, and what is kept."""

        layout: Literal["columns", "rows"] = Field(
            default="columns", description="columns: a place is a column, as YOLOv8 exports it"
        )
        box: Literal["center", "corners"] = Field(
            default="center", description="center: x y width height; corners: left top right bottom"
        )
        normalized: bool = Field(default=False, description="0 to 1 over the picture, not px")
        objectness: bool = Field(default=False, description="one more score, as YOLOv5 has it")
        keypoints: Annotated[int, Field(ge=0)] = 0
        keypoint_values: Literal[2, 3] = Field(default=2, description="3: with a score of its own")
        fold: Annotated[int, Field(ge=0)] = Field(
            default=0, description="a turn's cos and sin follow, multiplied by this; 0: none"
        )
        turned: tuple[str, ...] = Field(
            default=(), description="labels whose turn means something; none: all"
        )
        score: Share = 0.3
        overlap: Share = Field(default=0.45, description="of two boxes of a class, one is dropped")
        most: Annotated[int, Field(ge=1)] = 100

    def __init__(self, settings: Settings, size: tuple[int, int]) -> None:
        self._settings = settings
        self._unit = (float(size[0]), float(size[1])) if settings.normalized else (1.0, 1.0)

    def decode(self, outputs: Sequence[Tensor]) -> Findings:
        """Return the boxes that suppress the others of their class."""
        given = self._settings
        upright = given.layout == "columns"
        shape = (self._values, -1) if upright else (-1, self._values)
        columns = shaped(outputs[0], shape) if upright else shaped(outputs[0], shape).T
        first = 5 if given.objectness else 4
        scores = active(columns[first : first + len(given.labels)], given.activation, axis=0)
        if given.objectness:
            scores = scores * active(columns[4:5], given.activation, axis=0)
        likely = np.flatnonzero(scores.max(axis=0) >= given.score)
        rows, scores = columns[:, likely].T, scores[:, likely]
        best, kinds = scores.max(axis=0), scores.argmax(axis=0)
        boxes = self._boxes(rows[:, :4])
        kept = outlines.suppressed(boxes, best, kinds, given.overlap)[: given.most]
        chosen = (one[kept].tolist() for one in (rows, boxes, best, kinds))
        return Findings([self._find(*each) for each in zip(*chosen, strict=True)])

    @property
    def _values(self) -> int:
        given = self._settings
        points = given.keypoints * given.keypoint_values
        return 4 + given.objectness + len(given.labels) + points + (2 if given.fold else 0)

    def _boxes(self, rows: Array) -> Array:
        """Return corners (n, 4) [px]."""
        if self._settings.box == "corners":
            return rows * (self._unit * 2)
        middle, half = rows[:, :2] * self._unit, rows[:, 2:4] * self._unit / 2
        return np.hstack([middle - half, middle + half])

    def _find(self, row: list[float], box: list[float], score: float, kind: int) -> Find:
        given, (wide, high) = self._settings, self._unit
        start = 4 + given.objectness + len(given.labels)
        points = []
        for _ in range(given.keypoints):
            sure = row[start + 2] if given.keypoint_values == 3 else score
            points.append((row[start] * wide, row[start + 1] * high, sure))
            start += given.keypoint_values
        label, turn = given.labels[kind], None
        if given.fold and label in (given.turned or given.labels):
            turn = math.atan2(row[start + 1], row[start]) / given.fold
        left, top, right, bottom = box
        edges = (left, top, right, bottom)
        return Find(label, score, edges, tuple(points), (), turn, given.fold or 1)


class Heatmaps:
    """Keypoints by heat: outputs (1, labels, rows, columns); the hottest place, refined."""

    class Settings(OfLabels):
        """What is hot enough, and how large a thing about its point is taken to be."""

        score: Share = 0.3
        size: Annotated[float, Field(gt=0)] = Field(default=16.0, description="px, of the box")

    def __init__(self, settings: Settings, size: tuple[int, int]) -> None:
        self._settings, self._size = settings, size

    def decode(self, outputs: Sequence[Tensor]) -> Findings:
        """Return the hottest point of each label, where it is hot enough."""
        given = self._settings
        maps = active(shaped(outputs[0], (len(given.labels), -1, -1)), given.activation, axis=0)
        step = np.array(self._size) / maps.shape[:0:-1]
        found = []
        for label, heat in zip(given.labels, maps, strict=True):
            row, column = np.unravel_index(int(heat.argmax()), heat.shape)
            score = float(heat[row, column])
            if score < given.score:
                continue
            x, y = (np.array(_refined(heat, int(row), int(column))) + 0.5) * step
            half = given.size / 2
            box = (x - half, y - half, x + half, y + half)
            found.append(Find(label, score, box, ((float(x), float(y), score),)))
        return Findings(found)


class Segmentation:
    """Which pixels are what: outputs (1, labels, rows, columns). Connected parts are finds."""

    class Settings(OfLabels):
        """What counts as a part."""

        apart: bool = Field(
            default=True, description="each label by itself; false: the highest of all labels"
        )
        background: str = Field(default="", description="a label that is no find")
        score: Share = 0.5
        smallest: Annotated[int, Field(ge=1)] = Field(default=1, description="places of a part")

    def __init__(self, settings: Settings, size: tuple[int, int]) -> None:
        self._settings, self._size = settings, size

    def decode(self, outputs: Sequence[Tensor]) -> Findings:
        """Return the connected parts of each label."""
        given = self._settings
        maps = active(shaped(outputs[0], (len(given.labels), -1, -1)), given.activation, axis=0)
        step = np.array(self._size) / maps.shape[:0:-1]
        highest = None if given.apart else maps.argmax(axis=0)
        found: list[Find] = []
        for number, label in enumerate(given.labels):
            if label == given.background:
                continue
            mask = maps[number] >= given.score
            if highest is not None:
                mask &= highest == number
            parts = [part for part in outlines.islands(mask) if len(part) >= given.smallest]
            found += [_part(label, part, maps[number], step) for part in parts]
        return Findings(found)


def _part(label: str, part: NDArray[np.intp], heat: Array, step: Array) -> Find:
    """Return a connected part as a find: its places' box, and their middles as its outline."""
    rows, columns = part.T
    low = np.array([columns.min(), rows.min()]) * step
    high = np.array([columns.max() + 1, rows.max() + 1]) * step
    middles = ((_told(part)[:, ::-1] + 0.5) * step).tolist()
    score = float(heat[rows, columns].max())
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return Find(label, score, box, (), tuple((x, y) for x, y in middles))


def _told(part: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the places that stand for a part: its edge is nearest to what lies beside it."""
    if len(part) <= OUTLINE:
        return part
    within = outlines.within(part)
    inner = part[within]
    return np.concatenate([part[~within], inner[:: len(inner) // OUTLINE + 1]])


def _refined(heat: Array, row: int, column: int) -> tuple[float, float]:
    """Return x and y of a peak: the vertex of parabolas through its neighbours."""

    def vertex(before: float, middle: float, after: float) -> float:
        bend = before - 2 * middle + after
        return 0.0 if bend >= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))

    x, y = float(column), float(row)
    if 0 < column < heat.shape[1] - 1:
        x += vertex(*heat[row, column - 1 : column + 2].tolist())
    if 0 < row < heat.shape[0] - 1:
        y += vertex(*heat[row - 1 : row + 2, column].tolist())
    return x, y
