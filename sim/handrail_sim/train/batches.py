"""Draws batches of labelled pictures, no two alike: light, mirror, and hands lent to each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from handrail_sim.train.labels import ARM, GROUPS, HAND, NAMES, STRIDE
from handrail_sim.train.net import MEAN, SCALE
from handrail_sim.train.render import Shots
from handrail_sim.train.targets import CORE, EDGE, SHARE, targets

LENT = 0.5  # of the pictures without a hand are given one of another picture
UNDER = 0.5  # of the lent hands are under the arm
SHIFT = 64  # px that a lent hand is moved at most
FLIP = torch.tensor((-1.0, 1, 1, 1, -1, 1) * len(GROUPS))[None, :, None, None]  # values, mirrored
HAND_HEAT, OTHER_HEAT = NAMES.index("hand"), NAMES.index("other")


class Batch(NamedTuple):
    """Pictures, layers and targets (see :func:`targets`) of some shots."""

    pictures: Tensor
    layers: Tensor
    heat: Tensor
    values: Tensor
    weights: Tensor


class Batches:
    """Holds all shots on one device."""

    def __init__(self, shots: Shots, size: int, rng: np.random.Generator, device: str) -> None:
        self._size, self._rng, self._device = size, rng, device
        marks = (np.stack(part) for part in zip(*map(targets, shots.labels), strict=True))
        parts = (shots.pictures, shots.layers, *marks)
        self._all = Batch(*(torch.from_numpy(part).to(device) for part in parts))
        self._has_hand = (shots.layers == HAND).any(axis=(1, 2))
        self.count = len(shots.pictures) // size  # in an epoch

    def epoch(self) -> Iterator[tuple[Tensor, Batch]]:
        """Yield every picture once: what the net is given, and what it is to say."""
        order = self._rng.permutation(len(self._has_hand))
        for start in range(0, self.count * self._size, self._size):
            chosen = order[start : start + self._size]
            batch = Batch(*(part[self._tensor(chosen)] for part in self._all))
            yield self._lit(self._with_lent_hands(batch, self._has_hand[chosen]))

    def _with_lent_hands(self, batch: Batch, has: NDArray[np.bool_]) -> Batch:
        """Put hands of other pictures into some without: over all that is there, or under the arm.

        So every hand is seen on many desks, and every desk with a hand and without.
        """
        rng, size = self._rng, len(has)
        if not has.any():
            return batch
        lenders = self._tensor(rng.choice(np.flatnonzero(has), size))
        takes = self._tensor(~has & (rng.random(size) < LENT))[:, None, None]
        under = self._tensor(rng.random(size) < UNDER)[:, None, None]
        mask, source = batch.layers[lenders] == HAND, batch.pictures[lenders]
        if rng.random() < 0.5:
            mask, source = mask.flip(2), source.flip(2)
        down, right = (int(step) for step in rng.integers(-SHIFT, SHIFT + 1, 2))
        mask = _shifted(mask, down, right) & takes & ~((batch.layers == ARM) & under)
        pictures = torch.where(mask[:, :, :, None], _shifted(source, down, right), batch.pictures)
        return _marked(batch._replace(pictures=pictures), mask)

    def _lit(self, batch: Batch) -> tuple[Tensor, Batch]:
        """Pictures as the net wants them, each a little darker, lighter, tinted; half mirrored."""
        rng, size = self._rng, len(batch.pictures)
        gain = rng.uniform(0.8, 1.2, (size, 1, 1, 1)) * rng.normal(1.0, 0.04, (size, 1, 1, 3))
        light = batch.pictures.float()
        light.mul_(self._tensor((gain / 255).astype(np.float32))).clamp_(0, 1)
        given = light.sub_(MEAN).div_(SCALE).permute(0, 3, 1, 2)  # channels last, as it lies there
        if rng.random() < 0.5:
            return given, batch
        heat, values, weights = (part.flip(3) for part in batch[2:])
        values = values * FLIP.to(values.device)
        return given.flip(3), batch._replace(heat=heat, values=values, weights=weights)

    def _tensor(self, array: NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(array).to(self._device)


def _marked(batch: Batch, hands: Tensor) -> Batch:
    """What is to be said where hands (n, HEIGHT, WIDTH) came to be: a hand; nothing else is known.

    A thing that is covered is neither there nor absent.
    """
    cover = avg_pool2d(hands.float()[:, None], STRIDE)
    near = cover > EDGE
    most = cover.amax((1, 2, 3), keepdim=True)
    core = near & (cover >= (SHARE * most).clamp(max=CORE))
    heat = torch.where(near, -1.0, batch.heat)
    heat[:, HAND_HEAT] = torch.where(core[:, 0], 1.0, heat[:, HAND_HEAT])
    heat[:, OTHER_HEAT] = torch.where(core[:, 0], 0.0, heat[:, OTHER_HEAT])
    return batch._replace(heat=heat, weights=torch.where(near, 0.0, batch.weights))


def _shifted(images: Tensor, down: int, right: int) -> Tensor:
    """Move images (n, rows, columns, ...); what comes in from outside is zero."""
    moved = torch.zeros_like(images)
    rows, columns = images.shape[1:3]
    moved[:, max(down, 0) : rows + min(down, 0), max(right, 0) : columns + min(right, 0)] = images[
        :, max(-down, 0) : rows + min(-down, 0), max(-right, 0) : columns + min(-right, 0)
    ]
    return moved
