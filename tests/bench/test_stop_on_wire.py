"""How long a stop took is read off the wire: the first setpoint that leaves the line."""

from __future__ import annotations

import pytest
from handrail_bridge.bench.wire import latency
from handrail_drivers.feetech import codec
from handrail_drivers.feetech import registers as reg
from handrail_sim.twin.truth_port import WireEvent

TICK = 4_000_000  # ns
STOP = 100  # the tick at which stop() was called
SERVO = 5


def goals(counts):
    """Sync writes of goals to two servos, one a tick, with the answers of the servos between."""
    address = reg.GOAL_POSITION.address
    for tick, count in enumerate(counts):
        rows = b"".join(bytes((id, *c.to_bytes(2, "little"))) for id, c in ((4, 7), (SERVO, count)))
        frame = codec.build(
            codec.BROADCAST, codec.Instruction.SYNC_WRITE, bytes((address, 2)) + rows
        )
        yield WireEvent(tick * TICK, "in", frame)
        yield WireEvent(tick * TICK + 1000, "out", b"\xff\xff\x05\x02\x00\xf8")


def swing(lag):
    """A line of 5.3 counts a tick that is left ``lag`` ticks after the stop."""
    for tick in range(200):
        slower = max(0, tick - STOP - lag)
        yield round(1000 + 5.3 * tick - 3.0 * slower)


@pytest.mark.parametrize("lag", [0, 1, 5])
def test_the_first_setpoint_off_the_line_is_the_stops(lag):
    found = latency(list(goals(swing(lag))), STOP * TICK, SERVO)
    assert found == pytest.approx((lag + 1) * TICK * 1e-9)


def test_a_motion_that_was_not_stopped_has_no_latency():
    assert latency(list(goals(swing(1000))), STOP * TICK, SERVO) is None


def test_a_log_without_a_line_before_the_stop_says_nothing():
    assert latency(list(goals(swing(0)))[2 * STOP - 20 :], STOP * TICK, SERVO) is None
