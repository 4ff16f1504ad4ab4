"""Renders labelled pictures of drawn scenes, one process a core."""

from __future__ import annotations

import math
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from handrail_sim.cell_file import load_cell
from handrail_sim.train import lens
from handrail_sim.train.labels import ARM, HAND, HEIGHT, NAMES, STRIDE, WIDTH, Label, box_of
from handrail_sim.train.scenes import Scenes
from handrail_sim.train.stage import Stage
from handrail_sim.world import Array

Image = NDArray[np.uint8]
CAMERA = "overhead"
ARM_ROOT = "base"
GEOM = int(mujoco.mjtObj.mjOBJ_GEOM)  # comparing with the enum itself takes a second
FEWEST = 8  # px of a hand or a strange thing, to be one
TASK = 750  # pictures that a process draws before it begins anew, with other surfaces


class Shots(NamedTuple):
    """Pictures, what each of their pixels shows, and what is to be found in them."""

    pictures: Image  # (n, HEIGHT, WIDTH, 3) RGB
    layers: Image  # (n, HEIGHT, WIDTH): labels.NOTHING, HAND or ARM
    labels: list[list[Label]]


class Photographer:
    """Takes one labelled picture after another of a stage. Belongs to one thread."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._renderer = mujoco.Renderer(stage.model, 2 * HEIGHT, 2 * WIDTH)
        self._outliner = mujoco.Renderer(stage.model, HEIGHT, WIDTH)
        self._outliner.enable_segmentation_rendering()
        self._eye = stage.model.camera(CAMERA).id
        self._person = stage.model.body("person").id
        self._is_arm = stage.model.body_rootid == stage.model.body(ARM_ROOT).id

    def take(self, scenes: Scenes, rng: np.random.Generator) -> tuple[Image, Image, list[Label]]:
        """Return the picture of the present scene, its layer, and its labels."""
        stage, renderer = self._stage, self._renderer
        renderer.update_scene(stage.data, CAMERA)
        flags = renderer.scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = scenes.shadows
        image = lens.taken(renderer.render(), rng)
        self._outliner.update_scene(stage.data, CAMERA)
        seen = self._outliner.render()
        geoms = np.where(seen[:, :, 1] == GEOM, seen[:, :, 0], -1)
        bodies = np.where(geoms >= 0, stage.model.geom_bodyid[geoms], -1)
        layer = np.select([bodies == self._person, self._is_arm[bodies]], [HAND, ARM])
        return image, layer.astype(np.uint8), self._labels(scenes, bodies)

    def close(self) -> None:
        """Free the OpenGL contexts."""
        self._renderer.close()
        self._outliner.close()

    def _labels(self, scenes: Scenes, bodies: NDArray[np.int32]) -> list[Label]:
        labels = [self._solid(name, body, bodies) for body, name in scenes.cubes.items()]
        labels += [self._solid(name, name, bodies) for name in ("red_bin", "blue_bin", "post")]
        strangers = [("other", body) for body in scenes.strangers]
        strangers += [("hand", "person")] if scenes.hand else []
        labels += [self._stranger(name, body, bodies) for name, body in strangers]
        return [label for label in labels if label is not None]

    def _solid(self, name: str, body: str, bodies: NDArray[np.int32]) -> Label | None:
        """Label a thing of known shape: its whole outline, where that is in the picture."""
        number = self._stage.model.body(body).id
        outline = self._project(self._corners(body))
        middle = self._project(self._stage.data.xpos[number][None])[0]
        if not (0 < middle[0] < WIDTH and 0 < middle[1] < HEIGHT):
            return None
        left, top = np.maximum(outline.min(axis=0), 0.0).tolist()
        right, bottom = np.minimum(outline.max(axis=0), (WIDTH, HEIGHT)).tolist()
        visible = float((bodies == number).sum())
        shown = min(1.0, visible / max(lens.hull_area(outline), 1e-6))
        x, y = middle.tolist()
        return Label(NAMES.index(name), left, top, right, bottom, x, y, shown)

    def _stranger(self, name: str, body: str, bodies: NDArray[np.int32]) -> Label | None:
        """Label what may be of any shape: the box of what is seen of it."""
        mask = bodies == self._stage.model.body(body).id
        box = box_of(mask)
        if box is None or mask.sum() < FEWEST:
            return None
        left, top, right, bottom = box
        middle = ((left + right) / 2, (top + bottom) / 2)
        cells = mask.reshape(HEIGHT // STRIDE, STRIDE, WIDTH // STRIDE, STRIDE)
        cover = cells.mean(axis=(1, 3), dtype=np.float32)
        return Label(NAMES.index(name), *box, *middle, 1.0, cover)

    def _corners(self, body: str) -> Array:
        """The corners (n, 3) [m] of all boxes of a body."""
        model, data = self._stage.model, self._stage.data
        signs = np.array(np.meshgrid((-1, 1), (-1, 1), (-1, 1))).T.reshape(-1, 3)
        found = [
            data.geom_xpos[geom]
            + (signs * model.geom_size[geom]) @ data.geom_xmat[geom].reshape(3, 3).T
            for geom in self._stage.geoms(body)
        ]
        return np.concatenate(found)

    def _project(self, points: Array) -> Array:
        """Return where points (n, 3) [m] are in the net's picture (n, 2) [px]."""
        data, model = self._stage.data, self._stage.model
        local = (points - data.cam_xpos[self._eye]) @ data.cam_xmat[self._eye].reshape(3, 3)
        focal = HEIGHT / 2 / math.tan(math.radians(model.cam_fovy[self._eye]) / 2)
        flat: Array = local[:, :2] / -local[:, 2:] * (focal, -focal)
        return flat + np.array((WIDTH / 2, HEIGHT / 2))


def render(count: int, seed: int, workers: int) -> Shots:
    """Return so many shots; which they are depends on the seed alone."""
    os.environ["MUJOCO_GL"] = "egl"  # for the processes below, before they import MuJoCo
    tasks = [(seed, task) for task in range(-(-count // TASK))]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        pictures, layers, labels = zip(*pool.map(_some, tasks), strict=True)
    return Shots(
        np.concatenate(pictures)[:count],
        np.concatenate(layers)[:count],
        [label for part in labels for label in part][:count],
    )


def _some(task: tuple[int, int]) -> Shots:
    rng = np.random.default_rng(task)
    stage = Stage(load_cell("desk"), rng)
    scenes = Scenes(stage, CAMERA, rng)
    photographer = Photographer(stage)
    shots = Shots(
        np.empty((TASK, HEIGHT, WIDTH, 3), np.uint8), np.empty((TASK, HEIGHT, WIDTH), np.uint8), []
    )
    try:
        for number in range(TASK):
            scenes.next()
            shots.pictures[number], shots.layers[number], labels = photographer.take(scenes, rng)
            shots.labels.append(labels)
    finally:
        photographer.close()
    return shots
