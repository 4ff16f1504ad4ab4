"""The dead-man in virtual time: what is commanded no more is safe within its age."""

from __future__ import annotations

import pytest
from handrail.v1.link_layout import AckResult, AskStatus, Event, EventKind, Status
from virtual_board import (
    ANSWER,
    BUZZER,
    BUZZER_CHANNEL,
    GREEN,
    LAMP_AGE,
    LAMP_GREEN,
    LAMP_RED,
    LAMP_YELLOW,
    MOVE_AGE,
    PUSHER,
    PUSHER_CHANNEL,
    RED,
    TURN,
    YELLOW,
)


@pytest.mark.parametrize(
    ("channel", "pin", "value", "safe", "age"),
    [
        (LAMP_RED, RED, 0, 1, LAMP_AGE),
        (LAMP_YELLOW, YELLOW, 1, 0, LAMP_AGE),
        (LAMP_GREEN, GREEN, 1, 0, LAMP_AGE),
        (PUSHER_CHANNEL, PUSHER, 1700, 1000, MOVE_AGE),
        (BUZZER_CHANNEL, BUZZER, 500, 0, MOVE_AGE),
    ],
)
def test_every_output_is_safe_within_its_time_once_the_host_is_silent(
    virtual, channel, pin, value, safe, age
):
    virtual.greet()
    virtual.arm()
    done = virtual.set(channel, value)
    told = virtual.run(age + 2 * TURN)
    last = [one for one in virtual.changes if one.pin == pin][-1]
    assert last.value == safe
    assert age <= last.time - done.time <= age + 2 * TURN
    assert [one.kind for one in told if isinstance(one, Event)] == [EventKind.DEAD_MAN]
    (status,) = (one for one in virtual.say(AskStatus(1)) if isinstance(one, Status))
    assert status.dead_man == 1


@pytest.mark.parametrize(
    ("channel", "value", "age", "result"),
    [
        (PUSHER_CHANNEL, 1500, MOVE_AGE, AckResult.NOT_ARMED),
        (LAMP_GREEN, 1, LAMP_AGE, AckResult.DONE),
    ],
)
def test_what_moves_wants_arming_after_a_silence(virtual, channel, value, age, result):
    virtual.greet()
    virtual.arm()
    virtual.set(channel, value)
    virtual.run(age + 2 * TURN)
    assert virtual.set(PUSHER_CHANNEL, 1900).result == result


def test_fresh_commands_keep_an_output(virtual):
    virtual.greet()
    virtual.arm()
    for _ in range(10):
        virtual.set(PUSHER_CHANNEL, 1500)
        virtual.run(MOVE_AGE - 2 * ANSWER)
    assert virtual.changes[-1].value == 1500
