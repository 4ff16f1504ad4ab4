"""Decoders of what a whole picture says: its class, depth, text, or a vector. Batches of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from handrail_drivers.decoder import DecoderSettings, Find, Findings, Tensor
from pydantic import Field

from handrail_bridge.perception.outputs import OfLabels, active, misshapen, shaped

LONGEST = 4096  # numbers of an output that are passed on


class Classification:
    """One score for each class of the whole picture: outputs (1, classes)."""

    class Settings(OfLabels):
        """How many of the best are told."""

        best: Annotated[int, Field(ge=1)] = 5

    def __init__(self, settings: Settings, size: tuple[int, int]) -> None:
        self._settings, self._size = settings, size

    def decode(self, outputs: Sequence[Tensor]) -> Findings:
        """Return the best classes, each with the whole picture as its box."""
        given = self._settings
        scores = active(shaped(outputs[0], (len(given.labels),)), given.activation, axis=0)
        order = np.argsort(-scores)[: given.best]
        whole = (0.0, 0.0, float(self._size[0]), float(self._size[1]))
        return Findings([Find(given.labels[n], float(scores[n]), whole) for n in order])


class Depth:
    """How far each pixel is: outputs (1, rows, columns) or (1, 1, rows, columns)."""

    class Settings(DecoderSettings):
        """What one of the model's units is."""

        scale: Annotated[float, Field(gt=0)] = Field(default=1.0, description="m of one unit")
        inverse: bool = Field(default=False, description="the model gives one through the depth")

    def __init__(self, settings: Settings, size: tuple[int, int]) -> None:
        self._settings, self._size = settings, size

    def decode(self, outputs: Sequence[Tensor]) -> Findings:
        """Return the depth [m] over the model's picture."""
        flat = outputs[0]
        while flat.ndim > 2 and flat.shape[0] == 1:
            flat = flat[0]
        if flat.ndim != 2:
            raise misshapen(outputs[0], "(1, rows, columns)")
        given = self._settings
        metres = given.scale / np.maximum(flat, 1e-6) if given.inverse else flat * given.scale
        columns = (np.arange(self._size[0]) + 0.5) * flat.shape[1] / self._size[0]
        rows = (np.arange(self._size[1]) + 0.5) * flat.shape[0] / self._size[1]
        whole = metres[rows.astype(int)][:, columns.astype(int)].astype(np.float32)
        span = {"nearest": float(whole.min()), "farthest": float(whole.max())}
        return Findings(values=span, depth=whole)


class Embedding:
    """A vector that stands for the picture, of length one."""

    class Settings(DecoderSettings):
        """There is nothing to set."""

    def __init__(self, settings: Settings, size: tuple[int, int]) -> None:
        del settings, size

    def decode(self, outputs: Sequence[Tensor]) -> Findings:
        """Return it as ``embedding``."""
        vector = outputs[0].astype(float).ravel()
        length = float(np.linalg.norm(vector))
        if not 0 < vector.size <= LONGEST or length == 0.0:
            raise misshapen(outputs[0], f"1 to {LONGEST} numbers that are not all zero")
        return Findings(values={"embedding": (vector / length).tolist()})


class Text:
    """A line of text, as CTC gives it: outputs (1, places, 1 + characters), blank first.

    Of each place the likeliest; what repeats is one, blanks part (Graves et al., ICML 2006).
    """

    class Settings(DecoderSettings):
        """What the classes after the blank stand for."""

        characters: Annotated[str, Field(min_length=1)] = Field(
            description="one for each class after the blank, in the model's order"
        )

    def __init__(self, settings: Settings, size: tuple[int, int]) -> None:
        del size
        self._characters = settings.characters

    def decode(self, outputs: Sequence[Tensor]) -> Findings:
        """Return ``text``, and ``score``: the mean of its characters'; of no text 0."""
        likely = shaped(outputs[0], (-1, 1 + len(self._characters)))
        best = likely.argmax(axis=1)
        chosen = (best > 0) & (best != np.append(0, best[:-1]))
        text = "".join(self._characters[number - 1] for number in best[chosen])
        score = float(likely.max(axis=1)[chosen].mean()) if text else 0.0
        return Findings(values={"text": text, "score": score})


class Raw:
    """The numbers as they are, for who knows what they mean."""

    kinds = "fiub"

    class Settings(DecoderSettings):
        """There is nothing to set."""

    def __init__(self, settings: Settings, size: tuple[int, int]) -> None:
        del settings, size

    def decode(self, outputs: Sequence[Tensor]) -> Findings:
        """Return every output as nested lists, by its place among the head's outputs."""
        if sum(one.size for one in outputs) > LONGEST:
            raise misshapen(outputs[0], f"at most {LONGEST} numbers in all")
        return Findings(values={str(n): one.tolist() for n, one in enumerate(outputs)})
