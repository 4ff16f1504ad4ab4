"""The page that bridge and loops share: words, the stop's reason, signals."""

from __future__ import annotations

import os
import struct
import subprocess
import sys

import pytest
from handrail_bridge.loop.control import ABORT, HEARTBEAT, SIGNAL_AT, STOPS, TOKEN, Control, Heart
from handrail_drivers.reflex import Signal
from hypothesis import given
from hypothesis import strategies as st


def test_words_and_reason() -> None:
    control = Control.create()
    other = Control(os.dup(control.fileno))
    control.set_word(HEARTBEAT, 2**63 + 5)
    control.raise_stop("ä" * 500)
    control.raise_stop("the second")
    control.abort(5)
    control.abort(3)
    assert other.word(HEARTBEAT) == 2**63 + 5
    assert other.word(STOPS) == 2
    assert other.stop_reason() == "the second"
    assert (other.word(ABORT), other.word(TOKEN)) == (5, 0)
    control.close()
    control.close()
    other.close()


@given(st.floats(allow_nan=False), st.integers(1, 2**62), st.integers(0, 63))
def test_a_signal_arrives_whole(value: float, time_ns: int, number: int) -> None:
    control = Control.create()
    assert control.signal(number) is None
    control.put_signal(number, Signal(value, time_ns))
    assert control.signal(number) == Signal(value, time_ns)
    assert all(control.signal(n) is None for n in range(64) if n != number)
    control.close()


def test_a_torn_signal_is_not_seen() -> None:
    control = Control.create()
    control.put_signal(1, Signal(1.0, 50))
    os.pwrite(control.fileno, struct.pack("<q", 51), SIGNAL_AT + 32)  # half of the next
    assert control.signal(1) is None
    control.close()


WRITER = """
import sys
from handrail_bridge.loop.control import STOPS, Control
from handrail_drivers.reflex import Signal

control, n = Control(int(sys.argv[1])), 0
while not control.word(STOPS):
    n += 1
    control.put_signal(9, Signal(float(n), n))
"""


def test_no_half_of_a_signal_is_ever_seen_across_processes() -> None:
    control = Control.create()
    command = [sys.executable, "-c", WRITER, str(control.fileno)]
    with subprocess.Popen(command, pass_fds=[control.fileno]) as writer:
        try:
            seen: set[int] = set()
            while len(seen) < 500 and writer.poll() is None:
                signal = control.signal(9)
                assert signal is None or signal.value == signal.time_ns
                seen |= {signal.time_ns} if signal else set()
        finally:
            control.raise_stop("enough")
    assert len(seen) == 500
    control.close()


def test_a_bridge_whose_own_loop_hangs_has_no_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    control = Control.create()
    heart = Heart(control, 1000.0)

    def beats() -> bool:
        control.set_word(HEARTBEAT, 0)
        heart.beat()
        return control.word(HEARTBEAT) > 0

    assert beats(), "nobody has promised a pulse"
    heart.pulse()
    assert beats()
    monkeypatch.setattr("handrail_bridge.loop.control.HANG_NS", 0)
    assert not beats()
    heart.close()
    control.close()
