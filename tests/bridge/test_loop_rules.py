"""Every kind of reflex in virtual time: what breaks it, and what it says."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from handrail_bridge.loop.control import SIGNAL_AT
from handrail_bridge.loop.reflexes import Reflexes
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import InvalidValue, NotArmed, UnknownName
from handrail_drivers.reflex import Signal
from reflex_trial import BUTTON, Trial, config_with, too_hot


def too_far(trial: Trial) -> None:
    trial.bus.stuck["wrist_roll"] = 0.05


def moving(**changes: Any) -> Callable[[Trial], None]:
    """Let every reading carry these values."""

    def cause(trial: Trial) -> None:
        read = trial.bus.read
        trial.bus.read = lambda: replace(read(), **changes)  # type: ignore[method-assign]

    return cause


@pytest.mark.parametrize(
    ("rule", "cause", "says"),
    [
        (
            {"kind": "joint_position", "joints": ["wrist_roll"], "low": 0.0, "high": 0.42},
            too_far,
            "wrist_roll is at 0.450 rad, outside 0 to 0.42 rad",
        ),
        (
            {"kind": "joint_velocity", "limit": 1.5},
            moving(velocity=(0, 0, -1.6, 0, 0, 0)),
            "elbow_flex has a velocity of -1.6 rad/s; the limit is 1.5 rad/s",
        ),
        (
            {"kind": "joint_effort", "limit": 2},
            moving(effort=(0, 2.5, 0, 0, 0, 0)),
            "shoulder_lift has a effort of 2.5 N.m; the limit is 2 N.m",
        ),
        (
            {"kind": "joint_temperature", "limit": 60},
            too_hot,
            "elbow_flex has a temperature of 61 Cel; the limit is 60 Cel",
        ),
        (
            {"kind": "following_error", "limit": 0.04},
            too_far,
            "wrist_roll has a following error of 0.05 rad",
        ),
        (
            {"kind": "contact", "margin": 0.5},
            moving(effort=(0.3, 0.3, 1.1, 0.3, 0.3, 0.3)),
            "elbow_flex pushes with 1.10 N.m where 0.30 N.m were predicted",
        ),
        (
            {"kind": "lost_heartbeat", "age": 0.06},
            lambda trial: setattr(trial.rig, "beating", False),
            "no sign of life for 0.06 s",
        ),
    ],
)
def test_a_broken_rule_stops_latches_and_is_named(
    trial: Callable[..., Trial], rule: dict[str, Any], cause: Callable[[Trial], None], says: str
) -> None:
    one = trial({"my_rule": rule})
    felt = rule["kind"] == "contact"
    one.begin(effort=0.3 if felt else None)
    if felt:
        moving(effort=(0.3,) * 6)(one)
        one.rig.run(5)
    assert one.fired == set()
    cause(one)
    one.rig.until(lambda state: state.mode in (Mode.FAULT, Mode.STOPPING), 30)
    one.rig.until(lambda state: state.ended_motion_id == 1, 60)
    state = one.rig.state
    assert (state.mode, state.fault_code) == (Mode.FAULT, rule["kind"])
    assert says in state.reason
    assert state.reason.startswith("my_rule: ")
    assert one.fired == {"my_rule"}
    assert state.ended_reason == state.reason


def test_contact_is_no_noise(trial: Callable[..., Trial]) -> None:
    one = trial({"touch": {"kind": "contact", "margin": 0.5, "lasting": 0.02}})
    one.begin(effort=0.0)
    calm, read = one.bus.read, one.bus.read
    for _ in range(6):  # three ticks of excess, then calm: never five in a row
        one.bus.read = lambda: replace(read(), effort=(0, 2.0, 0, 0, 0, 0))  # type: ignore[method-assign]
        one.rig.run(3)
        one.bus.read = calm  # type: ignore[method-assign]
        one.rig.run(1)
    assert one.rig.state.mode == Mode.MOVING
    assert one.fired == set()


def test_a_silent_button_counts_as_pressed(trial: Callable[..., Trial]) -> None:
    one = trial({"emergency_stop": BUTTON})
    one.signal(1.0)
    one.begin()
    one.rig.run(30)
    assert "last reported 0.1" in one.rig.state.reason
    assert one.fired == {"emergency_stop"}


def test_a_torn_signal_stops_nothing_at_once(trial: Callable[..., Trial]) -> None:
    one = trial({"emergency_stop": BUTTON})
    one.signal(1.0)
    one.begin()
    os.pwrite(one.rig.control.fileno, struct.pack("<q", 51), SIGNAL_AT)  # half of the next
    one.rig.run(1)
    assert one.rig.state.mode == Mode.MOVING


def test_a_withdrawn_signal_stops_at_once(trial: Callable[..., Trial]) -> None:
    """The device that gave it is gone: what it said last counts no more, however fresh."""
    one = trial({"emergency_stop": BUTTON | {"age": 1.0}})
    one.signal(1.0)
    one.begin()
    one.rig.control.put_signal(0, Signal(0.0, 0))
    one.rig.run(1)
    assert "emergency_stop: box.stop has no value any more" in one.rig.state.reason


@pytest.mark.parametrize(
    ("when", "good", "bad", "says"),
    [
        ({"when": "present"}, math.inf, 2.0, "person is seen at 2.000 m"),
        ({"when": "absent"}, 0.4, math.inf, "person is not seen"),
        ({"when": "within", "distance": 0.5}, 0.6, 0.4, "person is seen at 0.400 m; 0.5 m must"),
    ],
)
def test_what_perception_sees_stops(
    trial: Callable[..., Trial], when: dict[str, Any], good: float, bad: float, says: str
) -> None:
    one = trial({"people": {"kind": "perception", "signal": "person", "age": 0.2, **when}})
    one.signal(good, "person")
    one.begin()
    one.signal(bad, "person")
    one.rig.run(1)
    assert says in one.rig.state.reason


def test_a_sensor_that_falls_silent_stops(trial: Callable[..., Trial]) -> None:
    one = trial({"eyes": {"kind": "stale_sensor", "signal": "overhead", "age": 0.1}})
    one.signal(0.0, "overhead")
    one.begin()
    one.rig.run(10)
    assert one.fired == {"eyes"}


def test_a_link_in_a_zone_stops_and_one_that_leaves_the_workspace(
    trial: Callable[..., Trial],
) -> None:
    whole = {"center": [0.0, 0.0, 0.4], "size": [2.0, 2.0, 2.0]}
    far = {"kind": "keep_out", "center": [0.8, 0.0, 0.2], "size": [0.2, 2.0, 0.4]}
    one = trial({"room": {"kind": "workspace", **whole}, "window": far})
    one.begin()
    one.bus.position[2] -= 0.0
    assert one.fired == set()
    tight = {"kind": "keep_out", "center": [0.1, 0.0, 0.1], "size": [0.3, 0.6, 0.4], "margin": 0.01}
    other = trial({"window": tight})
    with pytest.raises(NotArmed, match=r"window: \w+ is in it"):
        other.begin()
    small = {"kind": "workspace", "center": [0.0, 0.0, 0.2], "size": [0.5, 0.1, 0.4]}
    third = trial({"room": small})
    with pytest.raises(NotArmed, match=r"room: \w+ reaches \d+ mm out of it"):
        third.begin()


def test_rules_that_cannot_be_watched_are_refused_at_the_start() -> None:
    for rule, error in (
        ({"kind": "joint_effort", "joints": ["elbow"], "limit": 1}, UnknownName),
        (
            {"kind": "keep_out", "center": [0, 0, 0], "size": [1, 1, 1], "links": ["hand"]},
            UnknownName,
        ),
        ({"kind": "joint_position", "low": 1, "high": 0}, InvalidValue),
        ({"kind": "perception", "signal": "x", "age": 1, "when": "within"}, InvalidValue),
    ):
        config = config_with({"rule": rule})
        with pytest.raises(error):
            Reflexes(config, ())
