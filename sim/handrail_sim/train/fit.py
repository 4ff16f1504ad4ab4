"""Fits the net to labelled pictures, and writes it as ONNX."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from handrail_sim.train.labels import GROUPS, HEIGHT, NAMES, STRIDE, WIDTH, Label
from handrail_sim.train.net import COLUMNS, MEAN, ROWS, SCALE, VALUES, Detector, Exported

BATCH = 24
RATE = 3e-3  # highest learning rate
HIDDEN = 0.35  # of a thing that must be seen: less is neither there nor absent
WEIGHTS = (  # of VALUES, by group: a cube's keypoint counts most, a stranger has none
    (1.0, 1.0, 1.0, 1.0, 3.0, 3.0),
    (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    (0.3, 0.3, 0.5, 0.5, 0.0, 0.0),
)
OPSET = 17
PLACES = np.mgrid[0:ROWS, 0:COLUMNS] + 0.5  # rows and columns of the grid
Marks = NDArray[np.float32]


def targets(labels: list[Label]) -> tuple[list[Marks], list[Marks], list[Marks]]:
    """Return per group: heat (classes, ROWS, COLUMNS), -1 where unknown; values; their weights."""
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
    return heats, values, weights


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
    core = cover >= min(0.5, 0.7 * float(cover.max()))
    heat[(cover > 0.03) & ~core & (heat < 1)] = -1.0
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


def loss_of(
    outs: list[Tensor], heats: list[Tensor], values: list[Tensor], weights: list[Tensor]
) -> Tensor:
    """Focal loss on the heat (as CenterNet's, arXiv 1904.07850), L1 on the values."""
    total = torch.zeros((), device=outs[0].device)
    scales = torch.tensor(WEIGHTS, device=outs[0].device)[:, None, :, None, None]
    for number, (out, heat, value, weight) in enumerate(
        zip(outs, heats, values, weights, strict=True)
    ):
        logits, given = out[:, : heat.shape[1]], out[:, heat.shape[1] :]
        score = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
        is_there = heat == 1.0
        focal = torch.where(
            is_there,
            -((1 - score) ** 2) * score.log(),
            -((1 - heat.clamp(min=0)) ** 4) * score**2 * (1 - score).log(),
        )
        focal = torch.where(heat < 0, 0.0, focal)
        there = is_there.sum().clamp(min=1)
        off = ((given - value).abs() * weight * scales[number]).sum() / weight.sum().clamp(min=1)
        total = total + focal.sum() / there + 0.5 * off
    return total


def fit(
    pictures: NDArray[np.uint8],
    labels: list[list[Label]],
    epochs: int,
    seed: int,
    tell: Callable[[str], None],
    device: str = "cpu",
) -> Detector:
    """Return a detector fitted to pictures (n, HEIGHT, WIDTH, 3) RGB; the same for one seed."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    detector = Detector().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(detector.parameters(), lr=RATE, weight_decay=0.01)
    steps = epochs * (len(pictures) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.15)
    packed = [
        [np.stack(part) for part in zip(*column, strict=True)]
        for column in zip(*map(targets, labels), strict=True)
    ]
    step = 0
    for epoch in range(epochs):
        began, total = time.process_time(), 0.0
        order = rng.permutation(len(pictures))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            batch = _batch(pictures[chosen], rng).to(device)
            marks = [
                [torch.from_numpy(part[chosen]).to(device) for part in column] for column in packed
            ]
            if rng.random() < 0.5:
                batch, marks = _mirrored(batch, marks)
            loss = loss_of(detector(batch), *marks)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(detector.parameters(), 10.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
            step += 1
        mean = total / (len(order) // BATCH)
        tell(f"epoch {epoch + 1}: loss {mean:.3f}, {time.process_time() - began:.0f} s of CPU")
    return detector.cpu().eval()


def _batch(pictures: NDArray[np.uint8], rng: np.random.Generator) -> Tensor:
    """Pictures as the net wants them, each a little darker, lighter, tinted, noisy."""
    light = torch.from_numpy(pictures).float()
    gain = rng.uniform(0.8, 1.2, (len(pictures), 1, 1, 1)) * rng.normal(
        1.0, 0.04, (len(pictures), 1, 1, 3)
    )
    light.mul_(torch.from_numpy((gain / 255).astype(np.float32))).clamp_(0, 1)
    return light.sub_(MEAN).div_(SCALE).permute(0, 3, 1, 2)  # channels last, as it lies there


def _mirrored(batch: Tensor, marks: list[list[Tensor]]) -> tuple[Tensor, list[list[Tensor]]]:
    """Turn pictures left to right, and all that is said of them."""
    heats, values, weights = ([part.flip(3) for part in column] for column in marks)
    signs = torch.tensor((-1.0, 1, 1, 1, -1, 1), device=batch.device)[None, :, None, None]
    return batch.flip(3), [heats, [part * signs for part in values], weights]


def export(detector: Detector, path: Path) -> None:
    """Write the detector as ONNX, its inputs and outputs named."""
    torch.onnx.export(
        Exported(detector).eval(),
        (torch.zeros(1, 3, HEIGHT, WIDTH),),
        str(path),
        input_names=["image"],
        output_names=["found", "cover"],
        opset_version=OPSET,
        dynamo=False,
    )
