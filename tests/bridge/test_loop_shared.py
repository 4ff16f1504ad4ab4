"""The exchange through shared memory: nobody waits, and nobody sees half of anything."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from handrail_bridge.loop.control import Control
from handrail_bridge.loop.shared import PAGE, SLOT_AT, Shared
from handrail_bridge.loop.state import VECTORS, LoopState, Mode
from hypothesis import given
from hypothesis import strategies as st

JOINTS = 6

WRITER = """
import sys
from handrail_bridge.loop.control import STOPS, Control
from handrail_bridge.loop.shared import Shared
from handrail_bridge.loop.state import VECTORS, LoopState, Mode

shared, control = Shared(int(sys.argv[1]), 6, 250), Control(int(sys.argv[2]))
n = 0
while not control.word(STOPS):
    n += 1
    same = (float(n),) * 6
    text = str(n) * 8
    shared.publish(LoopState(
        time_ns=n, due_ns=n, alive_ns=n, mode=Mode(n % 6 + 1), reason=text, position=same,
        velocity=same, effort=same, setpoint=same, temperature=same, voltage=same,
        torque_enabled=(n % 2 == 0,) * 6, ticks=n, clamps=n, fired=n, rows=n,
        peak_following_error=float(n), peak_slide_error=float(n), speed_scale=float(n),
        ended_reason=text,
    ))
print(n)
"""


def is_whole(state: LoopState) -> bool:
    """Whether every part of the state comes from the same exchange."""
    n = state.ticks
    vectors = (state.position, state.velocity, state.effort, state.setpoint, state.temperature)
    return (
        {value for vector in (*vectors, state.voltage) for value in vector} == {float(n)}
        and set(state.torque_enabled) == {n % 2 == 0}
        and state.mode == n % 6 + 1
        and state.reason == state.ended_reason == str(n) * 8
        and {state.time_ns, state.clamps, state.fired, state.rows, state.speed_scale} == {n}
    )


@pytest.mark.parametrize("exchanges", [40_000, pytest.param(10_000_000, marks=pytest.mark.long)])
def test_no_torn_state_is_ever_read_across_processes(
    exchanges: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, met = Shared._slot, [0]

    def slot(shared: Shared, index: int) -> tuple[int, bytes] | None:
        seen = look(shared, index)
        met[0] += seen is None
        return seen

    monkeypatch.setattr(Shared, "_slot", slot)
    shared, control = Shared.create(JOINTS, 250), Control.create()
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(shared.fileno), str(control.fileno)],
        pass_fds=(shared.fileno, control.fileno),
        stdout=subprocess.PIPE,
        text=True,
    )
    read = last = backwards = empty = torn = 0
    try:
        while last < exchanges and writer.poll() is None:
            state = shared.state()
            if state is None:
                empty += read > 0
                continue
            read += 1
            torn += not is_whole(state)
            backwards += state.ticks < last
            last = state.ticks
    finally:
        control.raise_stop("enough")
        said, _ = writer.communicate(timeout=20)
        shared.close()
        control.close()
    assert (torn, backwards, empty) == (0, 0, 0)
    assert int(said) >= exchanges
    assert read > 1000, "the two did not run side by side"
    if exchanges > 1_000_000:
        assert met[0] > 0, "no slot was ever met half written: nothing was tried"


def state_of(number: int) -> LoopState:
    """A whole state of one joint."""
    numbers = dict.fromkeys(VECTORS, (0.0,))
    return LoopState(mode=Mode.ARMED, reason="a", torque_enabled=(True,), ticks=number, **numbers)


def test_a_torn_slot_is_passed_over_for_the_one_before() -> None:
    shared = Shared.create(1, 250)
    one = state_of(1)
    shared.publish(one)
    shared.publish(one._replace(ticks=2))
    for slot, left in ((SLOT_AT, 1), (SLOT_AT + PAGE, None)):  # the second state's, the first's
        newest = shared.state()
        assert newest is not None
        os.pwrite(shared.fileno, b"\xff", slot + 100)
        torn = shared.state()
        assert (torn.ticks if torn else None) == left
    shared.close()


def test_a_reader_that_is_interrupted_does_not_go_back_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shared = Shared.create(1, 250)
    one = state_of(1)
    for ticks in (1, 2, 3):
        shared.publish(one._replace(ticks=ticks))
    assert shared.state() == one._replace(ticks=3)
    look = Shared._slot

    def interrupted(reader: Shared, index: int) -> tuple[int, bytes] | None:
        seen = look(reader, index)
        monkeypatch.setattr(Shared, "_slot", finished)
        shared.publish(one._replace(ticks=4))  # over what was just read
        os.pwrite(shared.fileno, b"\xff", SLOT_AT + PAGE + 100)  # and half of the fifth
        return seen

    def finished(reader: Shared, index: int) -> tuple[int, bytes] | None:
        seen = look(reader, index)
        if index == 1:
            monkeypatch.setattr(Shared, "_slot", look)
            shared.publish(one._replace(ticks=5))
        return seen

    monkeypatch.setattr(Shared, "_slot", interrupted)
    assert shared.state() == one._replace(ticks=5)
    shared.close()


texts = st.text(max_size=400)
numbers = st.integers(0, 2**62)
reals = st.floats(allow_nan=False)


@given(texts, texts, st.sampled_from(list(Mode)), numbers, st.tuples(reals, reals, reals))
def test_a_state_comes_back_as_it_was(
    reason: str, code: str, mode: Mode, number: int, vector: tuple[float, ...]
) -> None:
    shared = Shared.create(3, 250)
    sent = LoopState(
        time_ns=number,
        mode=mode,
        reason=reason,
        fault_code=code,
        **dict.fromkeys(VECTORS, vector),
        torque_enabled=(True, False, True),
        ticks=number,
        peak_following_error=vector[0],
        ended_completed=True,
    )
    shared.publish(sent)
    got = shared.state()
    shared.close()
    assert got is not None
    assert got._replace(reason="", fault_code="") == sent._replace(reason="", fault_code="")
    assert reason.startswith(got.reason.rstrip("�")[:20])
