"""A policy in the loop's tick: in time, in numbers, within its permit's bounds, or stopped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from handrail_bridge.loop.settings import LoopConfig, loop_configs
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import PermitRefused
from handrail_sim.cell import Cell
from handrail_sim.policy.model import PolicyModel
from handrail_sim.verdict import PolicyPart, Trajectory
from loop_rig import RAMP, PlainBus, Rig, raised, wide_tube
from policy_trial import constant, policy_cell, with_model
from virtual_cell import RUNNING

ROWS, RATE = 250, 250
ASKED = (0.2, 0.0, 0.0, 0.0, 0.0)  # rad/s
GIVEN: dict[str, Sequence[int | str]] = {
    "joint_position": [1, 5],
    "target": [1, 3],
    "thing": [1, 4],
}


class Policed:
    """A loop with a policy that asks for the same on every tick, and a bus without physics."""

    def __init__(self, cell: Cell) -> None:
        (self.config,) = _without_signals(loop_configs(cell, {}))
        self.bus = PlainBus(self.config.joints)
        self.rig = Rig(self.config, lambda: self.bus)
        self.bus.now = self.rig.clock.now_ns
        self.rig.ask("arm", hold=self.bus.position)
        self.rig.lease()
        sha256 = cell.policies["reach"].sha256
        wide = (9.0,) * 5
        self.part = PolicyPart(
            "reach", sha256, 0, 1.0, (0.1, 0.1, 0.1), (0.0,) * 4, wide, wide, (-1,) * 3, (1,) * 3
        )

    def trajectory(self, **other: object) -> Trajectory:
        """What the check would have made of it, in a wide tube."""
        hold = np.tile(np.array(self.bus.position), (ROWS, 1))
        hold[:, 0] += ASKED[0] * np.arange(ROWS) / RATE
        flat = np.zeros_like(hold)
        whole = wide_tube(RATE, self.config.joints, hold, flat, hold.copy(), (0, ROWS))
        return replace(whole, policy=replace(self.part, **other))

    def play(self, **other: object) -> None:
        self.rig.play(self.trajectory(**other))

    def end(self) -> None:
        self.rig.until(lambda state: state.mode not in RUNNING)


def _without_signals(configs: tuple[LoopConfig, ...]) -> tuple[LoopConfig, ...]:
    rules = {name: one for name, one in configs[0].rules.items() if one["kind"] == "none of these"}
    return (configs[0].model_copy(update={"rules": rules}),)


@pytest.fixture
def policed(tmp_path: Path) -> Iterator[Policed]:
    file = constant(tmp_path / "constant.onnx", ASKED, GIVEN)
    found = Policed(with_model(policy_cell(), file))
    yield found
    found.rig.close()


def travelled(policed: Policed) -> float:
    return policed.bus.writes[-1][0] - policed.bus.writes[0][0]


def test_what_is_written_is_what_the_policy_asks_for_and_it_ends_at_a_stand(
    policed: Policed,
) -> None:
    before = len(policed.bus.writes)
    policed.play()
    policed.end()
    state = policed.rig.state
    assert (state.mode, state.ended_completed) == (Mode.ARMED, True)
    written = np.array(policed.bus.writes[before:])
    speeds = np.diff(written[:, 0]) * RATE
    assert speeds.max() == pytest.approx(ASKED[0], rel=1e-3)
    assert speeds[-1] == pytest.approx(0.0, abs=1e-6)
    assert np.ptp(written[:, 1:]) == pytest.approx(np.ptp(written[0, 1:]))


@pytest.mark.parametrize("answer", [np.nan, np.inf])
def test_an_answer_that_is_no_number_stops_the_arm_on_its_way(
    policed: Policed, monkeypatch: pytest.MonkeyPatch, answer: float
) -> None:
    policed.play()
    policed.rig.run(100)
    monkeypatch.setattr(PolicyModel, "ask", lambda _: np.full(5, answer, np.float32))
    policed.end()
    state = policed.rig.state
    assert (state.mode, state.fault_code) == (Mode.FAULT, "policy_gibberish")
    assert "no number" in state.reason
    assert policed.rig.tick._reflexes.fired  # latched until the operator resets
    policed.rig.run(RAMP + 2)
    written = np.array(policed.bus.writes[-60:])
    assert np.isfinite(written).all()
    steps = np.abs(np.diff(written[:, 0]))
    assert steps.max() <= 1.001 * ASKED[0] / RATE, "it slows down from the speed that it had"
    assert steps[-1] == 0.0


def test_an_answer_that_takes_longer_than_its_budget_is_a_stop(
    policed: Policed, monkeypatch: pytest.MonkeyPatch
) -> None:
    policed.play()
    policed.rig.run(100)
    clock, ask = policed.rig.clock, PolicyModel.ask

    def slow(model: PolicyModel) -> np.ndarray:
        clock.sleep_until(clock.now_ns() + 2_100_000)
        return ask(model)

    monkeypatch.setattr(PolicyModel, "ask", slow)
    policed.end()
    state = policed.rig.state
    assert (state.mode, state.fault_code) == (Mode.FAULT, "policy_overrun")
    assert "took 2.1 ms to answer; 2.0 ms are its budget" in state.reason


def test_a_runtime_that_fails_is_a_stop(policed: Policed, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: PolicyModel) -> np.ndarray:
        raise RuntimeError("out of memory")

    policed.play()
    policed.rig.run(100)
    monkeypatch.setattr(PolicyModel, "ask", fail)
    policed.end()
    assert policed.rig.state.fault_code == "policy_failed"


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        ({"low": (0.5, -1.0, -1.0)}, "the TCP is at x"),
        ({"velocity": (-1.0,) * 5}, "moves at 0.00 rad/s"),
        ({"effort": (-1.0,) * 5}, "pushes with 0.00 N.m"),
    ],
)
def test_beyond_a_bound_of_its_permit_it_is_stopped_where_it_is(
    policed: Policed, bound: dict[str, object], words: str
) -> None:
    policed.play(**bound)
    policed.end()
    state = policed.rig.state
    assert (state.mode, state.fault_code) == (Mode.FAULT, "policy_bounds")
    assert words in state.reason


def test_a_stop_asks_the_policy_no_more(policed: Policed, monkeypatch: pytest.MonkeyPatch) -> None:
    policed.play()
    policed.rig.run(100)
    asked = []
    monkeypatch.setattr(PolicyModel, "ask", lambda _: asked.append(1) or np.zeros(5, np.float32))
    policed.rig.abort(1)
    policed.end()
    assert policed.rig.state.mode == Mode.ARMED
    assert len(asked) <= 1
    assert travelled(policed) < ASKED[0] * (100 / RATE + policed.config.stop_time)


def test_a_policy_that_the_loop_does_not_have_is_not_played(policed: Policed) -> None:
    sent = policed.trajectory(sha256="0" * 64)
    assert isinstance(raised(lambda: policed.rig.load(sent)), PermitRefused)
    forged = {"policy": None}
    assert isinstance(
        raised(lambda: policed.rig.load(policed.trajectory(), **forged)), PermitRefused
    )
