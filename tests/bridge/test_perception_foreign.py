"""A model that none of us made reads a label in the cell's picture: rapidocr's, from its wheel.

The wheel holds the ONNX files, so that nothing is downloaded. Without it the test is skipped.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from handrail_bridge.perception.pipeline import Pipeline
from handrail_bridge.vision import imaging
from handrail_sim.cell_file import load_cell
from handrail_sim.sight import Perception

FOUND = importlib.util.find_spec("rapidocr")
pytestmark = pytest.mark.skipif(
    FOUND is None and "CI" not in os.environ, reason="rapidocr is not installed (extra `text`)"
)
LEFT, TOP, WIDTH, HEIGHT = 4, 8, 213, 32  # px of the picture in which the label is


@pytest.fixture(scope="module")
def model():
    (folder,) = FOUND.submodule_search_locations
    (path,) = (Path(folder) / "models").glob("*_rec_*.onnx")
    return path


@pytest.fixture(scope="module")
def reader(model):
    loaded = onnx.load(model)
    (characters,) = (one.value for one in loaded.metadata_props if one.key == "character")
    listed = characters.splitlines()
    settings = Perception(
        camera="overhead",
        model=model.name,
        sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        input={
            "name": "x",
            "size": (320, 48),
            "crop": (LEFT, TOP, LEFT + WIDTH, TOP + HEIGHT),
            "fit": "stretch",
            "order": "bgr",
            "mean": (0.5, 0.5, 0.5),
            "deviation": (0.5, 0.5, 0.5),
        },
        outputs={loaded.graph.output[0].name: (1, -1, len(listed) + 2)},
        heads={
            "label": {
                "decoder": "text",
                "outputs": (loaded.graph.output[0].name,),
                "settings": {"characters": "".join(listed) + " "},
            }
        },
    )
    assert all(len(one) == 1 for one in listed)
    return Pipeline("label", settings, load_cell("desk").cameras["overhead"], model)


@pytest.mark.parametrize("text", ["PSI 42.7", "Pump 3", "24 V DC"])
def test_a_label_in_the_picture_is_read(reader, text):
    noise = np.random.default_rng(1).normal(70, 4, (480, 640, 3))
    picture = imaging.written(np.clip(noise, 0, 255).astype(np.uint8), text)
    seen = reader.look(picture, 1, time.monotonic_ns())
    assert seen.fault == ""
    # Where letters are some px high it leaves spaces out: that is the model's.
    assert seen.values["label.text"].replace(" ", "") == text.replace(" ", "")
    assert seen.values["label.score"] > 0.8
