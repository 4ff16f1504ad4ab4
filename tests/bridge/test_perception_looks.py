"""A look that fails is told as a fault, whatever failed; the next one is whole again."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import pytest
from handrail_bridge.loop.control import Control
from handrail_bridge.perception.pipeline import Pipeline
from handrail_bridge.perception.place import Placing
from handrail_bridge.perception.process import FRAME, Looker, SightConfig
from handrail_bridge.perception.result import Seen
from handrail_bridge.perception.slots import Slots
from handrail_drivers.decoder import DecoderSettings, Find, Findings
from handrail_drivers.plugins import decoders
from small_model import EYE, declared, model

PICTURE = np.full((64, 64, 3), 128, np.uint8)
CUBE = Find("cube", 0.9, (4.0, 4.0, 12.0, 12.0))
WATCH = {"zone": {"labels": ("cube",), "center": (0, 0, 0), "size": (0.1, 0.1, 0.1)}}


class Saying:
    """A plugin's decoder that says what a test wants to hear."""

    says: Any = Findings()

    class Settings(DecoderSettings):
        """The labels are its own."""

        labels: tuple[str, ...] = ("cube",)

    def __init__(self, settings, size):
        pass

    def decode(self, outputs):
        return Saying.says


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setattr(decoders, "one", lambda _: Saying)
    path = model(tmp_path)
    head = {"decoder": "saying", "outputs": ("same",)}
    place = {"square": ("cube",)}
    given = declared(path, heads={"things": head}, watch=WATCH, place=place)
    return SightConfig(name="eyes", perception=given, camera=EYE, model=path, signals={"zone": 3})


def pipeline(config):
    return Pipeline("eyes", config.perception, EYE, config.model)


def look(pipeline, says):
    Saying.says = says
    return pipeline.look(PICTURE, 1, time.monotonic_ns())


def cube(**changes):
    given = {"label": "cube", "score": 0.9, "box": CUBE.box}
    return Findings([Find(**{**given, **changes})])


@pytest.mark.parametrize(
    ("says", "text"),
    [
        (cube(box=(4, 4, math.nan, 12)), "'cube' with numbers that are none"),
        (cube(score=math.nan), "'cube' with numbers that are none"),
        (cube(outline=((3, math.inf),)), "'cube' with numbers that are none"),
        (cube(label="cub"), "says 'cub', none of its labels"),
        (cube(box=(12, 12, 4, 4)), "eyes failed at a picture: error: OpenCV"),
        (None, "failed: AttributeError"),
        (Findings(values=7), "eyes failed at a picture: AttributeError"),
    ],
)
def test_what_a_look_fails_at_is_its_fault(config, says, text):
    one = pipeline(config)
    seen = look(one, says)
    assert text in seen.fault
    assert seen.distances == {}
    whole = look(one, Findings([CUBE]))
    assert whole.fault == ""
    assert whole.distances["zone"] is not None


def test_a_box_is_cut_off_at_the_pictures_edge(config):
    one = pipeline(config)
    for box in ((-90, -90, -60, -60), (900, 4, 950, 12), (20, 10, 1e9, 1e9)):
        seen = look(one, cube(box=box))
        assert seen.fault == ""
        (thing,) = seen.sightings
        assert all(0 <= edge <= 64 for edge in thing.box)


def test_a_look_is_done_once_its_distances_are_known(config, monkeypatch):
    known = []
    monkeypatch.setattr(Placing, "distance", lambda *_: known.append(time.monotonic_ns()) or 0.5)
    assert look(pipeline(config), Findings([CUBE])).done_ns >= known[-1]


def test_a_depth_over_a_crop_is_a_fault(config):
    cropped = config.perception.input.model_copy(update={"crop": (32, 0, 64, 24)})
    settings = config.perception.model_copy(update={"input": cropped})
    one = Pipeline("eyes", settings, EYE, config.model)
    assert "shown a crop" in look(one, Findings(depth=np.ones((24, 32), np.float32))).fault


@pytest.fixture
def looker(config):
    control, frames, results = Control.create(), Slots.create(20_000), Slots.create(4000)
    yield Looker(config, control, frames, results), control, frames, results
    for one in (control, frames, results):
        one.close()


@pytest.mark.parametrize(
    ("values", "text"),
    [({"text": "a" * 5000}, "too much to tell"), ({"text": object()}, "is no JSON")],
)
def test_what_cannot_be_told_is_a_fault_and_no_signal(looker, values, text):
    one, control, frames, results = looker
    for number, said in ((1, Findings([CUBE], values)), (2, Findings([CUBE]))):
        Saying.says = said
        frames.publish(FRAME.pack(number, number * 1000, 64, 64), PICTURE.tobytes())
        assert one.run_once()
        seen = Seen.model_validate_json(results.newest()[1])
        assert (text in seen.fault) == (number == 1)
        assert (control.signal(3) is None) == (number == 1)
