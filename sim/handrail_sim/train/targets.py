"""What the net is to say of a picture, place by place of its grid."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from handrail_sim.train.labels import GROUPS, NAMES, STRIDE, Label
from handrail_sim.train.net import COLUMNS, ROWS, VALUES

HIDDEN = 0.35  # of a thing that must be seen: less is neither there nor absent
EDGE = 0.03  # of a place that a thing covers at its edge, where nobody is asked
CORE, SHARE = 0.5, 0.7  # of a place that a thing covers within; or of what it covers most
PLACES = np.mgrid[0:ROWS, 0:COLUMNS] + 0.5  # rows and columns of the grid
Marks = NDArray[np.float32]


def targets(labels: list[Label]) -> tuple[Marks, Marks, Marks]:
    """Return heat, values and their weights of all groups, one after another.

    Heat (len(NAMES), ROWS, COLUMNS): 1 there, 0 not, between the two near it, -1 unknown; values
    (groups * VALUES, ROWS, COLUMNS); weights (groups, ROWS, COLUMNS).
    """
    heats, values, weights = [], [], []
    for group in GROUPS:
        heat = np.zeros((len(group), ROWS, COLUMNS), np.float32)
        value = np.zeros((VALUES, ROWS, COLUMNS), np.float32)
        weight = np.zeros((1, ROWS, COLUMNS), np.float32)
        for label in labels:
            if NAMES[label.name] in group:
                _mark(label, heat[group.index(NAMES[label.name])], value, weight[0])
        heats.append(heat)
        values.append(value)
        weights.append(weight)
    return np.concatenate(heats), np.concatenate(values), np.concatenate(weights)


def _mark(label: Label, heat: Marks, value: Marks, weight: Marks) -> None:
    """Mark the places that answer for one thing, each with what it has to say of it."""
    if label.cover is not None:
        near = _covered(label.cover, heat, weight)
    else:
        near = _about_middle(label, heat, weight)
    numbers = _numbers(label)
    for index in range(VALUES):
        value[index][near] = numbers[index][near]


def _covered(cover: Marks, heat: Marks, weight: Marks) -> NDArray[np.bool_]:
    """Whatever shape it has: every place that it covers says so, and those at its edge may."""
    core = cover >= min(CORE, SHARE * float(cover.max()))
    heat[(cover > EDGE) & ~core & (heat < 1)] = -1.0
    heat[core] = 1.0
    near = core & (cover > weight)
    weight[near] = cover[near]
    return near


def _about_middle(label: Label, heat: Marks, weight: Marks) -> NDArray[np.bool_]:
    """Of known shape: the place at its middle answers, and a little those about it."""
    x, y = (label.left + label.right) / 2 / STRIDE, (label.top + label.bottom) / 2 / STRIDE
    area = (label.right - label.left) * (label.bottom - label.top) / STRIDE**2
    rows, columns = PLACES
    glow = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * max(0.5, 0.12 * area**0.5) ** 2))
    if label.shown < HIDDEN:
        heat[glow > 0.3] = -1.0
        return np.zeros(heat.shape, bool)
    row, column = min(int(y), ROWS - 1), min(int(x), COLUMNS - 1)
    glow[row, column] = 1.0
    np.maximum(heat, np.where(glow < 1, 0.98 * glow, 1.0), out=heat, where=heat >= 0)
    near: NDArray[np.bool_] = (glow > 0.6) & (glow > weight)
    weight[near] = glow[near]
    return near


def _numbers(label: Label) -> list[Marks]:
    """What each place of the grid would have to say of a thing."""
    x, y = (label.left + label.right) / 2 / STRIDE, (label.top + label.bottom) / 2 / STRIDE
    rows, columns = PLACES
    flat = np.zeros_like(rows)
    return [
        x - columns,
        y - rows,
        flat + math.log(max(label.right - label.left, 1.0) / STRIDE),
        flat + math.log(max(label.bottom - label.top, 1.0) / STRIDE),
        label.x / STRIDE - columns,
        label.y / STRIDE - rows,
    ]
