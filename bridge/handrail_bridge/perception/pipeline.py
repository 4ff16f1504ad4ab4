"""One pipeline: a camera's picture in, typed sightings and the distances of what is near out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Set
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from handrail_drivers.decoder import Find, Findings
from handrail_drivers.errors import DeviceFault, HandrailError
from handrail_drivers.plugins import decoders
from handrail_sim.camera import Camera
from handrail_sim.sight import Perception
from handrail_sim.sight_faults import labels_of
from numpy.typing import NDArray

from handrail_bridge.perception.place import Placed, Placing
from handrail_bridge.perception.prepare import Fit, Preparation
from handrail_bridge.perception.result import Seen, Sighting, told
from handrail_bridge.perception.runtime import Model
from handrail_bridge.perception.track import Track, Tracker
from handrail_bridge.vision import outlines
from handrail_bridge.vision.imaging import Image


class Pipeline:
    """Made once; :meth:`look` is called for picture after picture.

    Raises:
        InvalidModel: the model is not what the cell declares.
        UnknownName, DeviceFault: a decoder is not installed, or broken.
    """

    def __init__(self, name: str, settings: Perception, camera: Camera, path: Path) -> None:
        self.name = name
        self._settings = settings
        self._camera = camera
        self._model = Model(path, settings)
        self._preparation = Preparation(settings.input, camera.width, camera.height)
        self._placing = Placing(camera, settings.place)
        self._tracker = Tracker(settings.track)
        self._labels = {
            head: labels_of(one.decoder, one.settings) for head, one in settings.heads.items()
        }
        self._heads = {head: self._decoder(head) for head in settings.heads}

    def hang(self, camera: Camera) -> None:
        """Take the camera to hang elsewhere from now on; its pictures keep their size."""
        self._camera = camera
        self._placing = Placing(camera, self._settings.place)

    def look(self, image: Image, sequence: int, time_ns: int) -> Seen:
        """Return what a picture (height, width, 3) BGR, captured at ``time_ns``, shows.

        What goes wrong is told as the result's ``fault``; nothing is made up in its place.
        """
        seen = Seen(pipeline=self.name, sequence=sequence, time_ns=time_ns, done_ns=time_ns)
        try:
            return self._look(image, seen)
        except HandrailError as error:
            return seen.blind(error.message)
        except Exception as error:  # noqa: BLE001  a plugin may raise anything: fail closed
            return seen.blind(f"{self.name} failed at a picture: {told(error)}.")

    def _look(self, image: Image, begun: Seen) -> Seen:
        self._require_size(image)
        self._preparation.fill(image, self._model.input)
        outputs = self._model.run()
        self._require_finite(outputs)
        finds, values, depth = self._decoded(outputs)
        finds = [self._squared(find, image) for find in finds]
        tracks = self._tracker.follow(finds, begun.time_ns)
        return Seen(
            pipeline=self.name,
            sequence=begun.sequence,
            time_ns=begun.time_ns,
            sightings=self._sightings(tracks, depth),
            distances=self._distances(),
            values=values,
            done_ns=time.monotonic_ns(),  # last: places and distances are of the answer
        )

    def _squared(self, find: Find, image: Image) -> Find:
        if find.label not in self._settings.place.square:
            return find
        return replace(find, turn=outlines.quarter_turn(image, find.box), fold=4)

    def _decoder(self, head: str) -> Callable[[dict[str, Any]], Findings]:
        given = self._settings.heads[head]
        kind: Any = decoders.one(given.decoder)  # its shape is handrail_drivers.decoder.Decoder
        decoder = kind(kind.Settings(**given.settings), self._settings.input.size)
        return lambda outputs: decoder.decode([outputs[name] for name in given.outputs])

    def _decoded(
        self, outputs: dict[str, Any]
    ) -> tuple[list[Find], dict[str, Any], NDArray[np.float32] | None]:
        """Return what all heads say, in pixels of the camera's picture."""
        fit = self._preparation.fit
        finds: list[Find] = []
        values: dict[str, Any] = {}
        depth: NDArray[np.float32] | None = None
        for head, decode in self._heads.items():
            said = self._said(head, decode, outputs)
            finds += [_in_camera(find, fit, self._camera) for find in said.finds]
            values.update({f"{head}.{key}": value for key, value in said.values.items()})
            if said.depth is not None:
                depth = _over(said.depth, fit, self._camera)
        return finds, values, depth

    def _said(
        self, head: str, decode: Callable[[dict[str, Any]], Findings], outputs: dict[str, Any]
    ) -> Findings:
        kind = self._settings.heads[head].decoder
        try:
            said = decode(outputs)
            what = self._wrong(said, self._labels[head])
        except HandrailError:
            raise
        except Exception as error:  # noqa: BLE001  a decoder may be anybody's
            what = f"failed: {told(error)}"
        if what:
            raise DeviceFault(f"The decoder {kind} of {self.name} {what}.", subject=self.name)
        return said

    def _wrong(self, said: Findings, labels: Set[str]) -> str:
        """Return what is wrong with a head's answer, or nothing."""
        for find in said.finds:
            if find.label not in labels:  # nobody can watch for what no cell can name
                return f"says {find.label!r}, none of its labels"
            numbers = chain((find.score,), find.box, *find.points, *find.outline)
            if not all(map(math.isfinite, numbers)):
                return f"gives {find.label!r} with numbers that are none"
        if said.depth is not None and self._settings.input.crop is not None:
            return "tells a depth, and the model is shown a crop: the rest would have none"
        return ""

    def _sightings(
        self, tracks: list[Track], depth: NDArray[np.float32] | None
    ) -> tuple[Sighting, ...]:
        placed = self._placing.placed([track.find for track in tracks], depth)
        return tuple(_sighting(*pair) for pair in zip(tracks, placed, strict=True))

    def _distances(self) -> dict[str, float | None]:
        """Return by watch how far the nearest thing is, those included that have just gone."""
        found: dict[str, float | None] = {}
        for name, watch in self._settings.watch.items():
            near = [
                self._placing.distance(track.find, watch)
                for track in self._tracker.tracks
                if track.find.label in watch.labels
                and track.find.score >= watch.score
                and track.hits >= watch.confirm
            ]
            found[name] = min(near, default=None)
        return found

    def _require_size(self, image: Image) -> None:
        height, width = image.shape[:2]
        camera = self._camera
        if (width, height) != (camera.width, camera.height):
            raise DeviceFault(
                f"{camera.device} gives pictures of {width} x {height} px; the cell says "
                f"{camera.width} x {camera.height}.",
                subject=camera.device,
                value=[width, height],
                limit=[camera.width, camera.height],
                unit="{pixel}",
                hint="set the camera's size, or correct and calibrate it in the cell",
            )

    def _require_finite(self, outputs: dict[str, Any]) -> None:
        for name, output in outputs.items():
            if output.dtype.kind == "f" and not np.isfinite(output).all():
                raise DeviceFault(
                    f"The model of {self.name} gives {name} with numbers that are none.",
                    subject=self.name,
                    hint="the model is broken, or its input is not scaled as it was trained with",
                )


def _sighting(track: Track, placed: Placed) -> Sighting:
    find = track.find
    first, second, third = placed.covariance.tolist()
    x, y, z = placed.position.tolist()
    return Sighting(
        label=find.label,
        score=find.score,
        track=track.number,
        box=find.box,
        points=find.points,
        position=(x, y, z),
        yaw=placed.yaw,
        turn_sigma=placed.turn_sigma,
        covariance=(tuple(first), tuple(second), tuple(third)),
    )


def _in_camera(find: Find, fit: Fit, camera: Camera) -> Find:
    """Return a find in pixels of the camera's picture; a box that reaches out of it is cut off."""
    corners = fit.back(*find.box[:2]) + fit.back(*find.box[2:])
    edges = (camera.width, camera.height) * 2
    left, top, right, bottom = (
        min(max(one, 0.0), float(edge)) for one, edge in zip(corners, edges, strict=True)
    )
    return Find(
        find.label,
        find.score,
        box=(left, top, right, bottom),
        points=tuple((*fit.back(x, y), sure) for x, y, sure in find.points),
        outline=tuple(fit.back(x, y) for x, y in find.outline),
        turn=None if find.turn is None else _turned_back(find.turn, fit),
        fold=find.fold,
    )


def _turned_back(turn: float, fit: Fit) -> float:
    """A stretched picture stretches directions too."""
    return math.atan2(math.sin(turn) / fit.scale[1], math.cos(turn) / fit.scale[0])


def _over(depth: NDArray[np.float32], fit: Fit, camera: Camera) -> NDArray[np.float32]:
    """Return a depth over the model's picture over the camera's."""
    columns = (np.arange(camera.width) + 0.5) * fit.scale[0] + fit.shift[0]
    rows = (np.arange(camera.height) + 0.5) * fit.scale[1] + fit.shift[1]
    return np.asarray(depth[rows.astype(int)][:, columns.astype(int)])
