"""What must fit together in the perception part of a cell file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from handrail_drivers.errors import HandrailError
from handrail_drivers.plugins import decoders

from handrail_sim.model_faults import (
    Data,
    Fault,
    is_number,
    model_faults,
    nearest,
    pinned_file,
    table,
    tables,
)
from handrail_sim.toml_lines import KeyPath

# Decoders of ours that tell no depth; a plugin's may.
DEPTHLESS = {"boxes", "classification", "embedding", "keypoints", "raw", "segmentation", "text"}


def sight_faults(data: Data, find_file: Callable[[str], Path]) -> Iterator[Fault]:
    """Camera, model file, decoders and labels of a pipeline exist; its digest is the file's."""
    for name, pipeline in tables(data, "perception"):
        path = ("perception", name)
        cameras, camera = table(data, "cameras"), pipeline.get("camera")
        if isinstance(camera, str) and camera not in cameras:
            text = f"there is no camera {camera!r}.{nearest(camera, cameras)}"
            yield Fault((*path, "camera"), text)
        if name in table(data, "devices"):
            yield Fault(path, "a device has that name already, and signals begin with it.")
        yield from _crop(pipeline, table(cameras, str(camera)), path)
        yield from _depth(pipeline, path)
        yield from pinned_file(pipeline, path, find_file)
        outputs = table(pipeline, "outputs")
        for head, part in tables(pipeline, "heads"):
            yield from _head(part, outputs, (*path, "heads", head))
        yield from _labels(pipeline, path)
        for watch, part in tables(pipeline, "watch"):
            yield from _heights(part, (*path, "watch", watch))


def labels_of(decoder: str, settings: Mapping[str, Any]) -> frozenset[str]:
    """Return what a head's finds may be called: the labels that its decoder's settings have.

    Raises:
        UnknownName, DeviceFault: the decoder is not installed, or broken.
        ValidationError: the settings are not the decoder's.
    """
    kind: Any = decoders.one(decoder)  # its shape is handrail_drivers.decoder.Decoder
    given = kind.Settings.model_validate_json(json.dumps(settings))
    return frozenset(getattr(given, "labels", ())) - {getattr(given, "background", "")}


def _labels(pipeline: Data, path: KeyPath) -> Iterator[Fault]:
    """A label that no head can say is never seen: what is watched for by it would never stop."""
    try:
        heads = [part for _, part in tables(pipeline, "heads")]
        found = [labels_of(head["decoder"], head.get("settings", {})) for head in heads]
    except (HandrailError, ValueError, TypeError, KeyError):
        return  # a head has a fault of its own
    said = frozenset[str]().union(*found)
    for where, label in _named(pipeline):
        if isinstance(label, str) and label not in said:
            yield Fault((*path, *where), f"no head says {label!r}.{nearest(label, said)}")


def _named(pipeline: Data) -> Iterator[tuple[KeyPath, Any]]:
    """Yield every label that a pipeline relies on, and where it stands."""
    yield from ((("colors",), label) for label in table(pipeline, "colors"))
    yield from ((("place", "heights"), label) for label in table(pipeline, "place", "heights"))
    yield from ((("place", "square"), label) for label in _list(table(pipeline, "place"), "square"))
    for name, watch in tables(pipeline, "watch"):
        yield from ((("watch", name, "labels"), label) for label in _list(watch, "labels"))


def _list(data: Data, key: str) -> list[Any]:
    found = data.get(key)
    return found if isinstance(found, list) else []


def _heights(watch: Data, path: KeyPath) -> Iterator[Fault]:
    heights = _list(watch, "heights")
    if len(heights) == 2 and all(map(is_number, heights)) and heights[0] > heights[1]:
        yield Fault((*path, "heights"), f"the lowest comes first, not {heights}.")


def _crop(pipeline: Data, camera: Data, path: KeyPath) -> Iterator[Fault]:
    """What a model is shown is a part of the camera's picture."""
    crop = table(pipeline, "input").get("crop")
    size = camera.get("width"), camera.get("height")
    numbers = [*crop, *size] if isinstance(crop, list) and len(crop) == 4 else []
    if not numbers or not all(isinstance(number, int) for number in numbers):
        return  # has a fault of its own, or there is none
    left, top, right, bottom, width, height = numbers
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        text = f"must lie within the camera's {width} x {height} px, right and bottom beyond left"
        yield Fault((*path, "input", "crop"), f"{text} and top, not {crop}.")
    if "depth" in _decoders(pipeline):
        yield Fault((*path, "input", "crop"), "leaves pixels without the depth that a head tells.")


def _depth(pipeline: Data, path: KeyPath) -> Iterator[Fault]:
    """What is placed by depth has a head that tells it, or one of which nobody knows."""
    given = _decoders(pipeline)
    if table(pipeline, "place").get("by") == "depth" and given <= DEPTHLESS:
        text = 'no head tells a depth: add one with decoder = "depth", or place by "plane".'
        yield Fault((*path, "place", "by"), text)


def _decoders(pipeline: Data) -> set[str]:
    return {str(head.get("decoder")) for _, head in tables(pipeline, "heads")}


def _head(head: Data, outputs: Data, path: KeyPath) -> Iterator[Fault]:
    for output in head.get("outputs", ()):
        if output not in outputs:
            text = f"no output {output!r} is declared.{nearest(str(output), outputs)}"
            yield Fault((*path, "outputs"), text)
    kind = head.get("decoder")
    if not isinstance(kind, str):
        return
    found, broken = decoders.found(), decoders.broken()
    if kind in broken:
        yield Fault((*path, "decoder"), f"the decoder is broken: {broken[kind]}")
    elif kind not in found:
        yield Fault((*path, "decoder"), f"no decoder {kind!r}.{nearest(kind, found)}")
    else:
        decoder: Any = found[kind]  # its shape is handrail_drivers.decoder.Decoder
        yield from model_faults(decoder.Settings, head.get("settings", {}), (*path, "settings"))
