"""Zones that are looked at only where the joints may have come near: never later than each tick."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from handrail_bridge.loop.rules.zones import KeepOut, KeepOutRule, Workspace, ZoneRule
from handrail_drivers.errors import UnknownName
from handrail_drivers.reflex import Surroundings
from handrail_sim.cell_file import load_cell
from handrail_sim.links import Links

TICKS = 9000
STEP = 0.002  # rad, of a joint in a tick at most


class Counting(Links):
    """The desk's links, and how often they are measured."""

    asked = 0

    def nearest(self, *question: Any) -> tuple[float, str]:
        self.asked += 1
        return super().nearest(*question)

    def farthest_out(self, *question: Any) -> tuple[float, str]:
        self.asked += 1
        return super().farthest_out(*question)


@pytest.fixture(scope="module")
def desk() -> Any:
    return load_cell("desk")


def walk(desk: Any) -> np.ndarray:
    """Joint positions (ticks, 6) [rad] of a wandering arm."""
    names = desk.arm.all_joints
    low, high = (
        np.array([getattr(desk.arm.limits[n], side) for n in names]) for side in ("low", "high")
    )
    draw = np.random.default_rng(5)
    home = np.array([desk.arm.home[name] for name in names])
    pace = draw.uniform(-STEP, STEP, (TICKS // 200, len(names))).repeat(200, axis=0)
    return np.clip(home + np.cumsum(pace, axis=0), low, high)


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (
            Workspace,
            ZoneRule.model_validate(
                {"kind": "workspace", "center": (0.15, 0.0, 0.2), "size": (0.6, 0.5, 0.44)}
            ),
        ),
        (
            KeepOut,
            KeepOutRule.model_validate(
                {
                    "kind": "keep_out",
                    "center": (0.2, -0.1, 0.2),
                    "size": (0.06, 0.06, 0.1),
                    "margin": 0.02,
                }
            ),
        ),
    ],
)
def test_it_says_on_every_tick_what_a_measurement_says(desk: Any, kind: Any, rule: Any) -> None:
    truth, links = Links(desk), Counting(desk)
    joints = desk.arm.all_joints
    zone = kind(rule, Surroundings(joints, ("rad",) * len(joints), 250, lambda: links))
    broken = 0
    for position in walk(desk).tolist():
        said = zone.look(SimpleNamespace(position=tuple(position)))
        if kind is Workspace:
            out, link = truth.farthest_out(position, (), rule.box)
        else:
            distance, link = truth.nearest(position, (), rule.box)
            out = rule.margin - distance
        assert (said is not None) == (out >= 0), (said, out)
        assert said is None or said.startswith(link)
        broken += said is not None
    assert 0.02 * TICKS < broken < 0.9 * TICKS
    assert links.asked < 0.8 * TICKS


def test_a_position_that_is_no_number_is_measured(desk: Any) -> None:
    links, joints = Counting(desk), desk.arm.all_joints
    rule = ZoneRule.model_validate(
        {"kind": "workspace", "center": (0.0, 0.0, 0.0), "size": (4, 4, 4)}
    )
    zone = Workspace(rule, Surroundings(joints, ("rad",) * len(joints), 250, lambda: links))
    zone.look(SimpleNamespace(position=(float("nan"),) * len(joints)))  # type: ignore[arg-type]
    assert links.asked == 2


def test_a_link_that_is_not_there_is_refused_as_it_is_made(desk: Any) -> None:
    joints = desk.arm.all_joints
    rule = ZoneRule.model_validate(
        {"kind": "workspace", "center": (0, 0, 0), "size": (1, 1, 1), "links": ("hand",)}
    )
    with pytest.raises(UnknownName, match="hand"):
        Workspace(rule, Surroundings(joints, ("rad",) * len(joints), 250, lambda: Links(desk)))
