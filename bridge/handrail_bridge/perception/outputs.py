"""How the decoders that come with Handrail take a model's outputs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from handrail_drivers.decoder import DecoderSettings, Tensor
from handrail_drivers.errors import InvalidValue
from numpy.typing import NDArray
from pydantic import Field

Activation = Literal["none", "sigmoid", "softmax"]
Labels = Annotated[tuple[str, ...], Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Array = NDArray[Any]


class OfLabels(DecoderSettings):
    """Settings of a decoder whose classes have names."""

    labels: Labels = Field(description="in the order of the model's classes")
    activation: Activation = Field(default="none", description="that the model left out")


def active(values: Array, activation: Activation, axis: int) -> Array:
    """Return values after the activation that the model left out."""
    if activation == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(values, -60, 60))))
    if activation == "softmax":
        raised = np.exp(values - values.max(axis=axis, keepdims=True))
        return np.asarray(raised / raised.sum(axis=axis, keepdims=True))
    return values


def shaped(output: Tensor, shape: tuple[int, ...]) -> Array:
    """Return a batch of one without the batch.

    Raises:
        InvalidValue: it has another shape; -1 stands for any length.
    """
    wanted = (1, *shape)
    fits = output.ndim == len(wanted) and all(
        asked in (-1, given) for given, asked in zip(output.shape, wanted, strict=True)
    )
    if not fits:
        raise misshapen(output, str(wanted))
    # single precision is a model's own; less would be lost in sums
    return output[0] if output.dtype == np.float32 else np.asarray(output[0], float)


def misshapen(output: Tensor, wanted: str) -> InvalidValue:
    """Return the error that says which shape was wanted."""
    return InvalidValue(
        f"The model's output has the shape {output.shape}; this decoder reads {wanted}.",
        field="outputs",
        value=list(output.shape),
        limit=wanted,
        hint="choose the decoder that fits the model, or correct its labels and values",
    )
