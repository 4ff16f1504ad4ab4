"""The net, its fit to what the expert did, and the ONNX file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from handrail_sim.train_policy.expert import FASTEST, GAIN
from handrail_sim.world import Array

WIDTH = 96
BATCH = 1024
RATE = 3e-3  # highest learning rate
OPSET = 17
NEAR = 0.05  # rad: what is learnt most carefully is how to end


class Reaching(nn.Module):
    """Joints, target and thing to the velocities that bring the TCP to the target.

    It learns which joints belong to a place, and goes there as the expert does.
    """

    def __init__(self, middle: Sequence[float], scale: Sequence[float], joints: int) -> None:
        super().__init__()
        self.register_buffer("middle", torch.tensor(middle, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        self.posture = nn.Sequential(
            nn.Linear(3, WIDTH),
            nn.Tanh(),
            nn.Linear(WIDTH, WIDTH),
            nn.Tanh(),
            nn.Linear(WIDTH, joints),
        )

    def forward(self, joint_position: Tensor, target: Tensor, thing: Tensor) -> Tensor:
        """Return (n, joints) [rad/s]."""
        place = target + thing[:, :3] * thing[:, 3:]
        far = self.posture((place - self.middle) / self.scale) - joint_position
        velocity: Tensor = FASTEST * torch.tanh(GAIN * far / FASTEST)
        return velocity


def fit(
    data: tuple[Array, Array, Array, Array],
    epochs: int,
    seed: int,
    tell: Callable[[str], None],
) -> Reaching:
    """Return a net fitted to joints (n, j), targets (n, 3), things (n, 4), velocities (n, j)."""
    torch.manual_seed(seed)
    position, target, thing, velocity = (torch.tensor(one, dtype=torch.float32) for one in data)
    place = target + thing[:, :3] * thing[:, 3:]
    net = Reaching(place.mean(0).tolist(), place.std(0).tolist(), position.shape[1])
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    steps = epochs * (len(position) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, steps, pct_start=0.1)
    for epoch in range(epochs):
        total, order = 0.0, torch.randperm(len(position))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            chosen = order[start : start + BATCH]
            wanted = velocity[chosen]
            off = net(position[chosen], target[chosen], thing[chosen]) - wanted
            loss = (off**2 / (wanted**2 + (GAIN * NEAR) ** 2)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        if (epoch + 1) % max(1, epochs // 10) == 0:
            tell(f"epoch {epoch + 1}: loss {total / (len(order) // BATCH):.2e}")
    return net.eval()


def export(net: Reaching, joints: int, path: Path) -> None:
    """Write a net as ONNX, under the names by which it is given things."""
    torch.onnx.export(
        net,
        (torch.zeros(1, joints), torch.zeros(1, 3), torch.zeros(1, 4)),
        str(path),
        input_names=["joint_position", "target", "thing"],
        output_names=["velocity"],
        opset_version=OPSET,
        dynamo=False,
    )
