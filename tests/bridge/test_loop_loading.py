"""A trajectory on its way into the loop's own memory: whole, and as it was checked."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import count

import numpy as np
import pytest
from handrail_bridge.loop.loading import PIECE, Loading
from handrail_bridge.loop.settings import loop_configs
from handrail_bridge.loop.shared import Shared
from handrail_drivers.errors import InvalidValue, PermitRefused
from handrail_sim.cell_file import load_cell
from handrail_sim.verdict import Trajectory

NAMES = ("shoulder", "elbow", "jaw")
CONFIG = loop_configs(load_cell("desk"), {})[0].model_copy(
    update={"joints": NAMES, "grips": (False, False, True)}
)


@pytest.fixture
def shared() -> Iterator[Shared]:
    shared = Shared.create(len(NAMES), CONFIG.trajectory_rate)
    yield shared
    shared.close()


def trajectory(rows: int = 2000) -> Trajectory:
    numbers = np.random.default_rng(5).normal(size=(6, rows, len(NAMES)))
    numbers[4:] = np.abs(numbers[4:]) + 0.01
    return Trajectory(CONFIG.trajectory_rate, NAMES, *numbers, step_rows=(0, 300, rows))


def loaded(shared: Shared, sent: Trajectory, digest: str = "") -> tuple[Trajectory, int]:
    """Return what arrives, and in how many pieces."""
    shared.put_trajectory(sent)
    steps = sent.step_rows
    digest = digest or sent.digest()
    loading = Loading(CONFIG, shared, shared.room(), digest, sent.rows, steps)
    for pieces in count(1):
        loading.go_on()
        if loading.finished:
            return loading.result(), pieces
    raise AssertionError


def test_a_trajectory_arrives_number_for_number_a_piece_at_a_time(shared: Shared) -> None:
    sent = trajectory()
    got, pieces = loaded(shared, sent)
    assert got.digest() == sent.digest()
    assert all(np.array_equal(a, b) for a, b in zip(got.blocks, sent.blocks, strict=True))
    assert pieces >= 6 * 2000 * len(NAMES) * 8 / PIECE
    shared.put_trajectory(trajectory(10))
    assert got.digest() == sent.digest(), "what comes later does not reach it"


def test_what_changes_on_its_way_is_not_what_was_checked(shared: Shared) -> None:
    sent = trajectory()
    shared.put_trajectory(sent)
    loading = Loading(CONFIG, shared, shared.room(), sent.digest(), sent.rows, sent.step_rows)
    loading.go_on()
    sent.effort_band[-1, -1] += 1.0
    shared.put_trajectory(sent)
    while not loading.finished:
        loading.go_on()
    with pytest.raises(PermitRefused, match="not those that were checked"):
        loading.result()


@pytest.mark.parametrize(
    ("block", "joint", "value", "good"),
    [
        *((block, 0, value, False) for block in range(4) for value in (math.nan, math.inf)),
        *((block, 0, value, False) for block in (4, 5) for value in (math.nan, 0.0, -0.1)),
        (4, 0, math.inf, False),
        (4, 2, math.inf, True),  # what grips has no tube
        (5, 0, math.inf, True),
    ],
)
def test_a_number_that_is_none_is_not_played(
    shared: Shared, block: int, joint: int, value: float, good: bool
) -> None:
    sent = trajectory()
    sent.blocks[block][1500, joint] = value
    with nullcontext() if good else pytest.raises(PermitRefused, match="no number"):
        loaded(shared, sent)


def test_no_trajectory_is_longer_than_its_room(shared: Shared) -> None:
    long = np.zeros((60 * CONFIG.trajectory_rate + 1, len(NAMES)))
    with pytest.raises(InvalidValue, match="longer than 60 s"):
        shared.put_trajectory(Trajectory(250, NAMES, *(long,) * 6, step_rows=(0, len(long))))
    for rows in (0, -1, len(long)):
        with pytest.raises(PermitRefused, match="empty, too long"):
            Loading(CONFIG, shared, shared.room(), "", rows, (0, rows))
