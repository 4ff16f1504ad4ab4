"""A cell that is another, but for what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from handrail_drivers.errors import InvalidCell
from handrail_sim.cell_file import cell_digest, load_cell, shipped_cells


def test_a_cell_with_a_base_says_what_is_otherwise(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('base = "gantry.toml"\nname = "mine"\n[arm.limits.x]\nvelocity = 0.02\n')
    mine, gantry = load_cell(file), load_cell("gantry")
    limits = gantry.arm.limits
    slow = {**limits, "x": limits["x"].model_copy(update={"velocity": 0.02})}
    arm = gantry.arm.model_copy(update={"limits": slow})
    assert mine == gantry.model_copy(update={"name": "mine", "arm": arm, "folder": tmp_path})
    assert cell_digest(mine) != cell_digest(gantry)


def test_of_two_bases_the_later_one_has_the_say(tmp_path: Path) -> None:
    (tmp_path / "one.toml").write_text(
        'base = "gantry.toml"\nname = "one"\n'
        "arm.limits.x.velocity = 0.01\narm.limits.y.velocity = 0.01\n"
    )
    (tmp_path / "other.toml").write_text('name = "other"\narm.limits.x.velocity = 0.02\n')
    file = tmp_path / "mine.toml"
    file.write_text('base = ["one.toml", "other.toml"]\n')
    mine = load_cell(file)
    assert (mine.name, mine.arm.limits["x"].velocity) == ("other", 0.02)
    assert mine.arm.limits["y"].velocity == 0.01


def test_what_one_base_tightens_another_on_the_same_file_leaves(tmp_path: Path) -> None:
    (tmp_path / "strict.toml").write_text('base = "gantry.toml"\narm.limits.x.velocity = 0.01\n')
    (tmp_path / "other.toml").write_text('base = "gantry.toml"\nname = "other"\n')
    for bases in ('["strict.toml", "other.toml"]', '["other.toml", "strict.toml"]'):
        (tmp_path / "mine.toml").write_text(f"base = {bases}\n")
        mine = load_cell(tmp_path / "mine.toml")
        assert (mine.name, mine.arm.limits["x"].velocity) == ("other", 0.01)


def test_a_fault_is_placed_in_the_file_that_says_it(tmp_path: Path) -> None:
    (tmp_path / "mill.toml").write_text(
        shipped_cells()["gantry"].read_text().replace("rate = 20", "rate = 2")
    )
    file = tmp_path / "mine.toml"
    file.write_text('base = "mill.toml"\n\n[devices.machine]\nrat = 20\n')
    with pytest.raises(InvalidCell) as caught:
        load_cell(file)
    own, bases = caught.value.faults
    assert own.startswith("mine.toml:4: devices.machine.rat: there is no such key.")
    assert bases.startswith("mill.toml:12: devices.machine.rate: ")


@pytest.mark.parametrize(
    ("base", "says"),
    [("no.toml", "cannot be read"), ("mine.toml", "is based on this one"), (3, "must be a file's")],
)
def test_a_base_that_cannot_be_one_is_named(tmp_path: Path, base: object, says: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"base = {json.dumps(base)}\n")
    with pytest.raises(InvalidCell, match=says):
        load_cell(file)
