"""Fits the net to labelled pictures, and writes it as ONNX."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from handrail_sim.train.batches import HAND_HEAT, Batch, Batches
from handrail_sim.train.labels import GROUPS, HEIGHT, WIDTH
from handrail_sim.train.net import VALUES, Detector, Exported
from handrail_sim.train.render import Shots

BATCH = 32
RATE = 5e-3  # highest learning rate
WEIGHTS = (  # of VALUES, by group: a cube's keypoint counts most, a stranger has none
    (1.0, 1.0, 1.0, 1.0, 3.0, 3.0),
    (1.0, 1.0, 1.0, 1.0, 1.0, 1.0),
    (0.3, 0.3, 0.5, 0.5, 0.0, 0.0),
)
CLEAREST = 3  # places of a hand that are to tell it, whatever the others say
NONE = -30.0  # logit of what does not count
OPSET = 17


def loss_of(outs: list[Tensor], batch: Batch) -> Tensor:
    """What is wrong at all places, and with the verdict on whole pictures: a hand, or none."""
    counts = [len(group) for group in GROUPS]
    heats = batch.heat.split(counts, 1)
    values, weights = batch.values.split(VALUES, 1), batch.weights.split(1, 1)
    total = _verdict(outs[-1][:, 0], batch.heat[:, HAND_HEAT])
    scales = torch.tensor(WEIGHTS, device=batch.heat.device)[:, None, :, None, None]
    for number, (out, count) in enumerate(zip(outs, counts, strict=True)):
        weight = weights[number]
        off = (out[:, count:] - values[number]).abs() * weight * scales[number]
        total = total + _focal(out[:, :count], heats[number])
        total = total + 0.5 * off.sum() / weight.sum().clamp(min=1)
    return total


def _focal(logits: Tensor, heat: Tensor) -> Tensor:
    """Focal loss on the heat, as CenterNet's (arXiv 1904.07850)."""
    score = logits.sigmoid().clamp(1e-4, 1 - 1e-4)
    is_there = heat == 1.0
    focal = torch.where(
        is_there,
        -((1 - score) ** 2) * score.log(),
        -((1 - heat.clamp(min=0)) ** 4) * score**2 * (1 - score).log(),
    )
    return torch.where(heat < 0, 0.0, focal).sum() / is_there.sum().clamp(min=1)


def _verdict(logits: Tensor, heat: Tensor) -> Tensor:
    """One place that takes a pen for a hand stops the arm; some that see a hand are enough.

    So what counts is each picture's worst place without a hand, and the clearest with one.
    """
    logits, heat = logits.flatten(1), heat.flatten(1)
    worst = logits.masked_fill(heat != 0.0, NONE).amax(1)
    clearest = logits.masked_fill(heat != 1.0, NONE).topk(CLEAREST, 1).values
    missed = softplus(-clearest) * (clearest > NONE)
    return softplus(worst).mean() + missed.sum() / missed.numel()


def fit(
    shots: Shots, epochs: int, seed: int, tell: Callable[[str], None], device: str = "cpu"
) -> Detector:
    """Return a detector fitted to shots; the same for one seed."""
    torch.manual_seed(seed)
    batches = Batches(shots, BATCH, np.random.default_rng(seed), device)
    detector = Detector().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(detector.parameters(), lr=RATE, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RATE, epochs * batches.count, pct_start=0.15, cycle_momentum=False
    )
    run = _replayed(detector) if device == "cuda" else detector
    for epoch in range(epochs):
        began, total = time.process_time(), torch.zeros((), device=device)
        for given, batch in batches.epoch():
            loss = loss_of(run(given), batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(detector.parameters(), 10.0)
            optimizer.step()
            schedule.step()
            total += loss.detach()
        mean = float(total) / batches.count
        tell(f"epoch {epoch + 1}: loss {mean:.3f}, {time.process_time() - began:.0f} s of CPU")
    return detector.cpu().eval()


def _replayed(detector: Detector) -> Callable[[Tensor], list[Tensor]]:
    """The detector as a recorded graph: a GPU does one step sooner than Python says the next."""
    sample = torch.zeros(BATCH, 3, HEIGHT, WIDTH, device="cuda")
    sample = sample.contiguous(memory_format=torch.channels_last)
    graphed: Callable[[Tensor], list[Tensor]] = torch.cuda.make_graphed_callables(
        detector, (sample,)
    )
    return graphed


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
