"""What the core makes of pins: steppers that accelerate, counts, sensors."""

from __future__ import annotations

import itertools

import pytest
from handrail.v1.link_layout import AckResult, AskValue, Samples, Value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from virtual_board import (
    DISTANCE,
    DISTANCE_CHANNEL,
    PIECES,
    PIECES_CHANNEL,
    STEP,
    STOP,
    STOP_CHANNEL,
    TEMPERATURE,
    TURNTABLE,
    WHEEL,
    A,
    B,
)

SPEED, ACCELERATION = 1600, 3200  # of apps/desk.c
FORWARDS = ((0, 1), (1, 1), (1, 0), (0, 0))  # levels of B and A
TURN = 50  # us
ON_ONE_BOARD = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read(board, channel) -> Value:
    return next(one for one in board.say(AskValue(9, channel)) if isinstance(one, Value))


def keep(board, us, channel, target):
    """Let time pass while the host repeats its command."""
    for _ in range(max(us // 200_000, 1)):
        board.set(channel, target)
        board.run(199_000)


def steps(board) -> list[int]:
    return [one.time for one in board.changes if one.pin == STEP and one.value == 1]


def test_a_stepper_goes_where_it_is_told_and_keeps_speed_and_acceleration(virtual):
    virtual.greet()
    virtual.arm()
    keep(virtual, 3_000_000, TURNTABLE, 2400)
    assert read(virtual, TURNTABLE).value == 2400
    times = steps(virtual)
    assert len(times) == 2400
    speeds = [1e6 / (b - a) for a, b in itertools.pairwise(times)]
    assert max(speeds) <= SPEED * 1.001
    assert max(speeds) >= SPEED * 0.9
    # v^2 = 2 a s, from rest and to rest: never faster than the ramp allows at that step
    for n, speed in enumerate(speeds, 2):
        way = min(n, 2400 - n + 2)
        assert speed**2 <= 2.1 * ACCELERATION * way


def test_a_stepper_turns_round_through_rest(virtual):
    virtual.greet()
    virtual.arm()
    keep(virtual, 800_000, TURNTABLE, 3200)
    keep(virtual, 4_000_000, TURNTABLE, -100)
    assert read(virtual, TURNTABLE).value == -100
    times = steps(virtual)
    pauses = [b - a for a, b in itertools.pairwise(times)]
    assert min(pauses) >= 1e6 / SPEED * 0.999


def test_a_stepper_without_commands_slows_down_and_stands(virtual):
    virtual.greet()
    virtual.arm()
    virtual.set(TURNTABLE, 32_000)
    virtual.run(3_000_000)
    first = read(virtual, TURNTABLE).value
    times = steps(virtual)
    assert 0 < first < 1000
    assert times[-1] - times[0] < 700_000  # 0.3 s of patience, and as long to slow down
    virtual.run(500_000)
    assert read(virtual, TURNTABLE).value == first


@pytest.mark.parametrize("target", [1, 2, 3, 7])
def test_short_ways_end_where_they_should(virtual, target):
    virtual.greet()
    virtual.arm()
    keep(virtual, 600_000, TURNTABLE, target)
    assert len(steps(virtual)) == target
    assert read(virtual, TURNTABLE).value == target


@ON_ONE_BOARD
@given(turns=st.lists(st.sampled_from([1, -1]), max_size=40))
def test_quadrature_counts_every_edge_both_ways(virtual, turns):
    virtual.order(f"pin {A} 0")
    virtual.order(f"pin {B} 0")
    virtual.order("reset 2")
    place = count = 0
    for way in turns:
        count += way
        place = count % 4
        b, a = FORWARDS[place - 1]
        virtual.order(f"pin {A} {a}")
        virtual.order(f"pin {B} {b}")
        virtual.run(TURN)
    assert read(virtual, WHEEL).value == count


@ON_ONE_BOARD
@given(levels=st.lists(st.integers(0, 1), max_size=40))
def test_a_counter_counts_rising_edges(virtual, levels):
    virtual.order(f"pin {PIECES} 0")
    virtual.order("reset 2")
    for level in levels:
        virtual.order(f"pin {PIECES} {level}")
        virtual.run(TURN)
    rising = sum(b > a for a, b in itertools.pairwise([0, *levels]))
    assert read(virtual, PIECES_CHANNEL).value == rising


def test_analog_and_digital_inputs_are_read(virtual):
    virtual.order(f"analog {DISTANCE} 700")
    assert read(virtual, DISTANCE_CHANNEL).value == 700
    assert read(virtual, STOP_CHANNEL).value == 1  # closed
    virtual.order(f"pin {STOP} 1")
    assert read(virtual, STOP_CHANNEL).value == 0


def test_a_conversion_that_does_not_end_is_a_fault_and_no_sample(virtual):
    virtual.greet()
    virtual.order(f"analog {DISTANCE} -1")
    assert read(virtual, DISTANCE_CHANNEL).result == AckResult.FAULT
    virtual.stream(DISTANCE_CHANNEL, 10_000, 100)
    assert not [one for one in virtual.run(500_000) if isinstance(one, Samples)]
    virtual.order(f"analog {DISTANCE} 700")
    assert read(virtual, DISTANCE_CHANNEL).value == 700
    assert [one for one in virtual.run(500_000) if isinstance(one, Samples)]


def test_a_sensor_is_read_with_its_sign_and_its_silence_is_a_fault(virtual):
    virtual.order("sensor -1600")
    found = read(virtual, TEMPERATURE)
    assert (found.result, found.value) == (AckResult.DONE, -1600)
    virtual.order("sensor 99999")
    assert read(virtual, TEMPERATURE).result == AckResult.FAULT
