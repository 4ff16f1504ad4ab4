"""Zones: what may not be entered, not be left, or not be fast in, is refused before it happens."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from desk_plans import at_home, carry, joints, lying, pick, plan
from handrail_drivers.errors import InvalidCell
from handrail_sim.cell import Cell, Zone
from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.links import Links
from handrail_sim.verdict import Verdict, ViolationKind

EAST, WEST = math.radians(-20), math.radians(40)
SWEEP = plan(carry(WEST), carry(EAST))
# Where the gripper passes on its way from WEST to EAST.
GATE: dict[str, Any] = {"center": (0.2, 0.03, 0.25), "size": (0.1, 0.06, 0.1)}


def with_zones(cell: Cell, **zones: dict[str, Any]) -> Cell:
    made = {name: Zone.model_validate(zone) for name, zone in zones.items()}
    return cell.model_copy(update={"zones": made})


def swept(cell: Cell, **zones: dict[str, Any]) -> Verdict:
    checker = Checker(with_zones(cell, **zones))
    return checker.check(SWEEP, at_home(cell, checker))


def test_a_link_in_a_keep_out_zone_is_refused_with_where_it_lies(cell: Cell) -> None:
    verdict = swept(cell, gate={"kind": "keep_out", **GATE})
    (violation,) = verdict.violations
    assert violation.kind == ViolationKind.ZONE
    assert violation.subject.endswith("and gate")
    assert violation.step == 0
    assert violation.detail["center"] == list(GATE["center"])
    assert "go round it" in violation.hint


def test_the_margin_counts(cell: Cell) -> None:
    """The same way passes beside a zone, and not where more room is to be left."""
    checker = Checker(with_zones(cell))
    verdict = checker.check(SWEEP, at_home(cell, checker))
    assert verdict.trajectory is not None
    links = Links(cell)
    box = ((0.2, 0.03, 0.45), (0.1, 0.06, 0.1), 0.0)
    path = verdict.trajectory.predicted
    least = min(links.nearest(row, (), box)[0] for row in path.tolist())
    zone = {"kind": "keep_out", "center": box[0], "size": box[1]}
    assert swept(cell, gate={**zone, "margin": least - 0.002}).passed
    refused = swept(cell, gate={**zone, "margin": least + 0.002})
    assert [v.kind for v in refused.violations] == [ViolationKind.ZONE]


def test_nothing_is_missed_between_the_rows_that_are_looked_at(cell: Cell) -> None:
    """A sheet of 2 mm in the way of a fast sweep, farther off than any step of it."""
    sheet = {"kind": "keep_out", "center": (0.2, 0.03, 0.25), "size": (0.1, 0.002, 0.1)}
    assert not swept(cell, sheet={**sheet, "margin": 0.0}).passed


def test_a_link_that_leaves_a_keep_in_zone_is_refused(cell: Cell) -> None:
    room = {"kind": "keep_in", "center": (0.0, 0.0, 0.3), "size": (1.2, 0.2, 0.8)}
    (violation,) = swept(cell, room=room).violations
    assert violation.kind == ViolationKind.ZONE
    assert "out of room" in violation.sentence


def test_a_slow_zone_is_about_speed_alone(cell: Cell) -> None:
    (violation,) = swept(cell, gate={"kind": "slow", "speed": 0.1, **GATE}).violations
    assert violation.kind == ViolationKind.ZONE_SPEED
    assert violation.unit == "m/s"
    assert violation.value > 0.1
    assert swept(cell, gate={"kind": "slow", "speed": 5.0, **GATE}).passed


def test_the_speed_that_is_proposed_passes(cell: Cell) -> None:
    zones = {"gate": {"kind": "slow", "speed": 0.15, **GATE}}
    checker = Checker(with_zones(cell, **zones))
    speeds = [1.0, 1.0]
    for _ in range(6):  # one step after the other, and a short one reaches its speed late
        steps = [
            {**carry(to), "speed": speed} for to, speed in zip((WEST, EAST), speeds, strict=True)
        ]
        verdict = checker.check(plan(*steps), at_home(cell, checker))
        if verdict.passed:
            break
        (violation,) = verdict.violations
        speeds[violation.step] *= float(violation.hint.split("may go at ")[1].split(" ")[0])
    assert verdict.passed
    assert min(speeds) > 0.02, "and it is not slower than need be"


def test_what_is_carried_counts_as_the_arm(cell: Cell) -> None:
    """A zone that the cube alone enters, under the fingers."""
    start = (0.2, 0.12)
    take = pick(*start, 0.0)[:-1]
    free = Checker(with_zones(cell))
    begun = at_home(cell, free, red_cube_a=lying(*start))
    verdict = free.check(plan(*take), begun)
    assert verdict.violations == ()
    lifted = np.array(verdict.end_objects["red_cube_a"].position)
    links = Links(cell)
    assert verdict.trajectory is not None
    small = (0.004, 0.004, 0.004)
    box = ((lifted[0], lifted[1], lifted[2] - 0.01), small, 0.0)
    least = min(links.nearest(row, (), box)[0] for row in verdict.trajectory.predicted.tolist())
    zone = {"kind": "keep_out", "center": box[0], "size": small, "margin": 0.0}
    assert least > 0.0, "the fingers alone stay out of it"
    carrying = Checker(with_zones(cell, spot=zone))
    (violation,) = carrying.check(plan(*take), begun).violations
    assert violation.subject == "red_cube_a and spot"


def test_the_loop_watches_the_same_zones(cell: Cell) -> None:
    zoned = with_zones(
        cell,
        wall={"kind": "keep_out", "center": (0.0, 0.4, 0.2), "size": (1.0, 0.1, 0.4), "yaw": 0.1},
        room={"kind": "keep_in", "center": (0.0, 0.0, 0.3), "size": (1.2, 1.2, 0.8)},
        crawl={"kind": "slow", "speed": 0.1, **GATE},
    )
    rules = zoned.rules
    assert rules["wall"] == {
        "kind": "keep_out",
        "center": (0.0, 0.4, 0.2),
        "size": (1.0, 0.1, 0.4),
        "yaw": 0.1,
    }
    assert rules["room"]["kind"] == "workspace"
    assert "crawl" not in rules
    assert set(cell.reflexes) < set(rules)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('[zones.a]\nkind = "slow"', "speed: is missing"),
        ('[zones.a]\nkind = "keep_out"\nspeed = 1.0', "for zones of the kind 'slow'"),
        ('[zones.heat]\nkind = "keep_out"', "a reflex has that name already"),
        ('[zones.a]\nkind = "forbidden"', "keep_out"),
    ],
)
def test_a_zone_that_makes_no_sense_is_a_fault(tmp_path: Any, lines: str, said: str) -> None:
    box = "\ncenter = [0.0, 0.0, 0.2]\nsize = [0.1, 0.1, 0.1]\n"
    text = (load_cell("desk").folder / "desk.toml").read_text()
    for name in ("desk_calibration.json",):
        (tmp_path / name).write_bytes((load_cell("desk").folder / name).read_bytes())
    file = tmp_path / "cell.toml"
    file.write_text(f"{text}\n{lines}{box}")
    with pytest.raises(InvalidCell) as raised:
        load_cell(file)
    assert said in "\n".join(raised.value.faults)


def test_a_zone_round_the_whole_way_is_entered_by_joints_too(cell: Cell) -> None:
    """The zone is found whatever tool moves the arm there."""
    turned = plan(joints(shoulder_pan=-1.0))
    checker = Checker(with_zones(cell, gate={"kind": "keep_out", **GATE}))
    assert not checker.check(turned, at_home(cell, checker)).passed
