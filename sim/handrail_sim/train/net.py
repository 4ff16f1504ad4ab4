"""The net: a small convolutional detector, and what it gives at each place of a grid."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handrail_sim.train.labels import GROUPS, HEIGHT, STRIDE, WIDTH

ROWS, COLUMNS = HEIGHT // STRIDE, WIDTH // STRIDE
VALUES = 6  # box centre x y, log of its width and height, keypoint x y
WIDTHS = (16, 24, 64, 96, 144)  # channels at 1/2, 1/4, 1/8, 1/16, 1/32 of the picture
MEAN, SCALE = 0.45, 0.25  # of a picture's values between 0 and 1


class Step(nn.Sequential):
    """Convolution, normalisation, rectifier."""

    def __init__(self, before: int, after: int, size: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(before, after, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        )


class Bottleneck(nn.Module):
    """Two convolutions beside a straight way."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(Step(width, width // 2, 1), Step(width // 2, width))

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        out: Tensor = x + self.inner(x)
        return out


def _level(before: int, width: int, deep: int) -> nn.Sequential:
    """Half as many rows and columns, then so many bottlenecks."""
    return nn.Sequential(Step(before, width, 3, 2), *(Bottleneck(width) for _ in range(deep)))


class Detector(nn.Module):
    """Pictures (n, 3, HEIGHT, WIDTH) to logits and values of every group at every place."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        half, quarter, eighth, sixteenth, coarse = widths
        self.quarter = nn.Sequential(Step(3, half, 3, 2), Step(half, quarter, 3, 2))
        self.eighth = _level(quarter, eighth, 2)
        self.sixteenth = _level(eighth, sixteenth, 3)
        self.coarse = _level(sixteenth, coarse, 2)
        self.down_coarse = Step(coarse, sixteenth, 1)
        self.merge_sixteenth = Bottleneck(sixteenth)
        self.down_sixteenth = Step(sixteenth, eighth, 1)
        self.merge_eighth = nn.Sequential(Bottleneck(eighth), Bottleneck(eighth))
        self.heads = nn.ModuleList(nn.Conv2d(eighth, len(group) + VALUES, 1) for group in GROUPS)
        for head, group in zip(self.heads, GROUPS, strict=True):
            nn.init.constant_(head.bias[: len(group)], -4.0)  # nothing, mostly

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Return per group (n, classes + VALUES, ROWS, COLUMNS)."""
        eighth = self.eighth(self.quarter(pictures))
        sixteenth = self.sixteenth(eighth)
        up = nn.functional.interpolate(self.down_coarse(self.coarse(sixteenth)), scale_factor=2.0)
        sixteenth = self.merge_sixteenth(sixteenth + up)
        up = nn.functional.interpolate(self.down_sixteenth(sixteenth), scale_factor=2.0)
        merged = self.merge_eighth(eighth + up)
        return [head(merged) for head in self.heads]


class Exported(nn.Module):
    """The detector as others use it, in pixels of its picture.

    (1, 3, HEIGHT, WIDTH) RGB of 0 to 1 -> ``found`` (1, 4 + classes + 2, places): box centre x y,
    width, height; a score for each cube and place; keypoint x y;
    and ``cover`` (1, strangers, ROWS, COLUMNS): how likely each part shows one.
    """

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector
        y, x = torch.meshgrid(torch.arange(ROWS), torch.arange(COLUMNS), indexing="ij")
        middle = torch.stack((x, y)).reshape(1, 2, -1).float() * STRIDE + STRIDE / 2
        self.register_buffer("middle", middle)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is found at every place, and what is covered."""
        *solid, strange = self.detector((picture - MEAN) / SCALE)
        counts = [len(group) for group in GROUPS[:-1]]
        found = []
        for number, (out, count) in enumerate(zip(solid, counts, strict=True)):
            flat = out.flatten(2)
            before, after = sum(counts[:number]), sum(counts[number + 1 :])
            scores = nn.functional.pad(flat[:, :count].sigmoid(), (0, 0, before, after))
            values = flat[:, count:]
            centre = self.middle + values[:, 0:2] * STRIDE
            size = values[:, 2:4].exp() * STRIDE
            point = self.middle + values[:, 4:6] * STRIDE
            found.append(torch.cat((centre, size, scores, point), 1))
        return torch.cat(found, 2), strange[:, : len(GROUPS[-1])].sigmoid()
