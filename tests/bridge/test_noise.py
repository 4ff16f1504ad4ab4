"""What the standing arm's readings scatter by, and when that may be measured."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from handrail_bridge.loop.state import LoopState, Mode
from handrail_bridge.rail.noise import SAMPLES, SETTLED_NS, Noise

LOOK_NS = 20_000_000


def looks(scatter: float, count: int = SAMPLES, seed: int = 0, **other: object) -> Iterator[object]:
    """States of two joints, of which the second's position scatters, and the first's effort."""
    draws = np.random.default_rng(seed).normal(0.0, scatter, (count, 2)).tolist()
    for n, (position, effort) in enumerate(draws):
        state = LoopState(
            time_ns=SETTLED_NS + n * LOOK_NS,
            mode=Mode.ARMED,
            position=(0.5, 1.0 + position),
            effort=(effort, 0.2),
        )
        yield state._replace(**other)  # type: ignore[arg-type]


def felt(*parts: Iterator[object]) -> Noise:
    noise = Noise()
    for part in parts:
        for state in part:
            noise.feel(state)  # type: ignore[arg-type]
    return noise


def test_a_second_of_standing_says_how_much_each_joint_scatters() -> None:
    noise = felt(looks(0.004))
    assert noise.position == pytest.approx((0.0, 0.004), rel=0.3)
    assert noise.effort == pytest.approx((0.004, 0.0), rel=0.3)


def test_nobody_knows_before() -> None:
    noise = felt(looks(0.004, SAMPLES - 1))
    assert (noise.position, noise.effort) == ((), ())


@pytest.mark.parametrize(
    "other",
    [
        {"mode": Mode.MOVING},
        {"mode": Mode.DISARMED},  # somebody may be moving it by hand
        {"mode": Mode.FAULT},
        {"time_ns": SETTLED_NS - 1},  # it settles yet
        {"time_ns": SETTLED_NS},  # the same sample again and again
    ],
    ids=str,
)
def test_what_does_not_stand_says_nothing(other: dict[str, object]) -> None:
    assert felt(looks(0.004, **other)).position == ()


def test_a_motion_in_between_begins_it_again_and_the_last_figure_stands() -> None:
    moving = looks(0.5, 1, mode=Mode.MOVING)
    noise = felt(looks(0.001), looks(0.5, SAMPLES - 1), moving, looks(0.5, SAMPLES - 1))
    assert noise.position[1] == pytest.approx(0.001, rel=0.3)


def test_the_newest_second_counts() -> None:
    first, second = list(looks(0.009)), list(looks(0.001, seed=1))
    later = [one._replace(time_ns=one.time_ns + 60 * LOOK_NS) for one in second]  # type: ignore[attr-defined]
    assert felt(iter(first), iter(later)).position[1] == pytest.approx(0.001, rel=0.3)
