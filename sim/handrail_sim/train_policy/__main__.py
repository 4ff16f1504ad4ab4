"""``python -m handrail_sim.train_policy OUT.onnx``: episodes, fit, export; seeded, on the CPU."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from handrail_sim.train_policy.expert import Expert, Twin, asked, drawn
from handrail_sim.train_policy.learner import export, fit
from handrail_sim.world import Array

STATES = 60  # by target: as far from where it ends as the expert was met, and a little aside
JITTER = 0.05  # rad, standard deviation of that
NAMED = 0.5  # of the targets are said as seen from a thing


def main() -> None:
    """Make the desk's policy anew."""
    parser = argparse.ArgumentParser(description="Make the desk's policy anew.")
    parser.add_argument("out", type=Path, help="the ONNX file to write")
    parser.add_argument("--episodes", type=int, default=150)
    parser.add_argument("--targets", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)  # so small a net waits for threads longer than it computes
    began, cell = time.monotonic(), load_cell("desk")
    rng, expert = np.random.default_rng(options.seed), Expert(cell)
    met = episodes(cell, expert, options.episodes, rng)
    _say(f"{options.episodes} episodes, {time.monotonic() - began:.0f} s")
    data = lessons(cell, expert, options.targets, met, rng)
    _say(f"{len(data[0])} states, {time.monotonic() - began:.0f} s")
    net = fit(data, options.epochs, options.seed, _say)
    export(net, len(cell.arm.joints), options.out)
    _say(f"{options.out}: {time.monotonic() - began:.0f} s")


def episodes(cell: Cell, expert: Expert, count: int, rng: np.random.Generator) -> Array:
    """Return how far (n, j) [rad] the expert was from where it ended, in the twin, on its way."""
    twin = Twin(cell)
    met: list[Array] = []
    while len(met) < count:
        posture = expert.posture(drawn(rng, cell.arm.axis))
        if posture is not None:
            met.append(twin.episode(posture, rng) - posture)
    return np.concatenate(met)


def lessons(
    cell: Cell, expert: Expert, count: int, met: Array, rng: np.random.Generator
) -> tuple[Array, Array, Array, Array]:
    """Return joints (n, j) [rad], targets (n, 3) [m], things (n, 4), what the expert asks for."""
    parts: list[tuple[Array, ...]] = []
    while len(parts) < count:
        place = drawn(rng, cell.arm.axis)
        posture = expert.posture(place)
        if posture is None:
            continue
        position = posture + met[rng.integers(len(met), size=STATES)]
        position += rng.normal(0.0, JITTER, position.shape)
        thing = np.zeros(4)
        if rng.random() < NAMED:
            thing[:] = (*drawn(rng, cell.arm.axis)[:2], 0.0125, 1.0)
        target = np.array(place) - thing[:3]
        told = (np.tile(one, (STATES, 1)) for one in (target, thing))
        parts.append((position, *told, asked(posture, position)))
    position, target, thing, velocity = (np.concatenate(one) for one in zip(*parts, strict=True))
    return position, target, thing, velocity


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
