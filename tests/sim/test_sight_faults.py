"""What is wrong with the perception part of a cell file is said with its key and its line."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
from handrail_bridge.loop.settings import input_configs
from handrail_drivers.errors import InvalidCell, UnknownName
from handrail_sim.cell_file import load_cell

TEXT = (resources.files("handrail_sim") / "cells" / "desk_watched.toml").read_text()
INPUT = next(line for line in TEXT.splitlines() if line.startswith("input"))
PINNED = next(line for line in TEXT.splitlines() if line.startswith("sha256"))


def faults(tmp_path, old, new):
    assert old in TEXT
    path = tmp_path / "cell.toml"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(InvalidCell) as refused:
        load_cell(path)
    return "\n".join(refused.value.faults)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('camera = "overhead"', 'camera = "overhed"', "Did you mean 'overhead'?"),
        ('model = "desk.onnx"', 'model = "disk.onnx"', "there is no file"),
        (PINNED, f'sha256 = "{"0" * 64}"', "it is another file"),
        (PINNED, 'sha256 = "abc"', "perception.eyes.sha256"),
        ('decoder = "boxes"', 'decoder = "boxen"', "Did you mean 'boxes'?"),
        ('outputs = ["cover"]', 'outputs = ["covers"]', "no output 'covers' is declared"),
        ("keypoints = 1", "keypoint = 1", "Did you mean 'keypoints'?"),
        ("score = 0.35", "score = 1.35", "heads.things.settings.score"),
        ("[perception.eyes]", "[perception.button]", "a device has that name already"),
        ('"image", ', '"image", crop = [0, 0, 641, 480], ', "within the camera's 640 x 480 px"),
        ('"image", ', '"image", crop = [9, 0, 9, 480], ', "right and bottom beyond left and top"),
        ('"image", ', '"image", crop = [0, -1, 9, 9], ', "perception.eyes.input.crop"),
        ('labels = ["hand"]', 'labels = ["hands"]', "no head says 'hands'."),
        ('"other"], score', '"other"], background = "hand", score', "no head says 'hand'"),
        ("colors = { red_cube", "colors = { red_cub", "Did you mean 'red_cube'?"),
        ("heights = { red_cube", "heights = { rod_cube", "place.heights: no head says 'rod_cube'"),
        ('square = ["red_cube"', 'square = ["red_cup"', "place.square: no head says 'red_cup'"),
        ('labels = ["hand"]', 'labels = ["hand"]\nscore = 1.0', "watch.hand.score"),
        ('labels = ["hand"]', 'labels = ["hand"]\nheights = [0.2, 0]', "the lowest comes first"),
        ("sigma = 1.0", 'sigma = 1.0\nby = "depth"', "place.by: no head tells a depth"),
        ("[reflexes.hand]", "[reflexes.hand]\n[reflexes.hand]", "not TOML"),
    ],
)
def test_a_fault_is_told(tmp_path, old, new, says):
    assert says in faults(tmp_path, old, new)


def test_a_depth_is_of_the_whole_picture(tmp_path):
    crop = INPUT.replace("}", ", crop = [0, 0, 9, 9] }")
    told = faults(
        tmp_path, INPUT, f'{crop}\nheads.far = {{ decoder = "depth", outputs = ["cover"] }}'
    )
    assert "input.crop: leaves pixels without the depth that a head tells" in told


def test_a_reflex_on_a_watch_that_is_none_is_refused(tmp_path):
    path = tmp_path / "cell.toml"
    path.write_text(TEXT.replace('signal = "eyes.hand"', 'signal = "eyes.hands"'))
    with pytest.raises(UnknownName, match=r"eyes\.hands") as refused:
        input_configs(load_cell(path), {})
    assert refused.value.hint == "use 'eyes.hand'"


def test_what_the_page_shows_is_a_cell(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "cameras.md").read_text()
    path = tmp_path / "cell.toml"
    part = page.split("## A model that stops the arm")[1]
    path.write_text(part.split("```toml\n")[1].split("```")[0])
    cell = load_cell(path)
    input_configs(cell, {})  # refuses a signal that nothing gives
    assert cell.perception["eyes"].watch.keys() == {"hand", "strange"}
    watched = {rule["signal"] for rule in cell.reflexes.values() if rule["kind"] == "perception"}
    assert watched == {"eyes.hand", "eyes.strange"}
