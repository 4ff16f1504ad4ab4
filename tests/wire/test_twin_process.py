"""The twin as a process: its terminal's life and pace, and what is left when it ends."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import serial
from handrail_drivers.errors import HandrailError, InvalidValue, ProcessLost
from handrail_drivers.feetech import codec
from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.codec import Instruction, Parser, build
from handrail_sim.twin.launch import Twin
from handrail_sim.twin.wire import PAGE
from waiting import until

DEADLINE = 30.0  # s
PING_1 = build(1, Instruction.PING)
PONG_1 = build(1, 0)
SYNC_READ = codec.sync_read(range(1, 7), reg.PRESENT_POSITION.address, 6)
SYNC_ANSWER = 6 * (6 + 6)  # bytes


@pytest.fixture(scope="module")
def twin():
    with Twin.start("desk", seed=5) as started:
        yield started


@pytest.fixture
def port(twin):
    with serial.Serial(twin.links["arm_bus"], 1_000_000, timeout=2) as port:
        yield port


def ask(port, request, size):
    port.write(request)
    return port.read(size)


def exchange(twin, port, request, size):
    """One request; the monotonic times [s] at which it reached the servos and was answered."""
    mark = time.monotonic_ns()
    assert len(ask(port, request, size)) == size
    log = twin.truth.wire_log("arm_bus", mark)
    assert b"".join(event.data for event in log if event.direction == "in") == request
    first = min(event.time_ns for event in log if event.direction == "in")
    last = max(event.time_ns for event in log if event.direction == "out")
    return first / 1e9, last / 1e9


# --- the terminal ------------------------------------------------------------------------------


def test_the_link_names_the_terminal(twin, port):
    assert os.readlink(twin.links["arm_bus"]) == twin.wires["arm_bus"]
    assert ask(port, PING_1, 6) == PONG_1


def test_pulled_the_client_gets_an_error_and_the_link_goes(twin, port):
    twin.truth.pull("arm_bus")
    try:
        with pytest.raises((serial.SerialException, OSError)):
            ask(port, PING_1, 6)
        assert not Path(twin.links["arm_bus"]).exists()
    finally:
        path = twin.truth.plug("arm_bus")
    assert os.readlink(twin.links["arm_bus"]) == path
    with serial.Serial(twin.links["arm_bus"], 1_000_000, timeout=2) as again:
        assert ask(again, PING_1, 6) == PONG_1


def test_the_world_goes_on_while_the_wire_is_pulled(twin):
    twin.truth.pull("arm_bus")
    start = twin.truth.snapshot()["time"]
    until(lambda: twin.truth.snapshot()["time"] > start + 0.1, DEADLINE)
    twin.truth.plug("arm_bus")


@pytest.mark.parametrize(("question", "size"), [(PING_1, 6), (SYNC_READ, SYNC_ANSWER)])
def test_no_answer_is_earlier_than_the_wire_carries_it(twin, port, question, size):
    asked, answered = exchange(twin, port, question, size)
    assert answered - asked >= (len(question) + size) * 10 / 1e6


def test_the_return_delay_is_waited_for(twin, port):
    ask(port, build(1, Instruction.WRITE, bytes((reg.RETURN_DELAY.address, 254))), 6)
    asked, answered = exchange(twin, port, PING_1, 6)
    ask(port, build(1, Instruction.WRITE, bytes((reg.RETURN_DELAY.address, 0))), 6)
    assert answered - asked >= 12 * 10 / 1e6 + 254 * 2e-6


def test_a_slower_line_is_slower(twin, port):
    for servo in range(1, 7):
        slow = bytes((reg.BAUD_RATE.address, reg.BAUD_RATES.index(57_600)))
        ask(port, build(servo, Instruction.WRITE, slow), 6)
    port.baudrate = 57_600
    asked, answered = exchange(twin, port, SYNC_READ, SYNC_ANSWER)
    for servo in range(1, 7):
        ask(port, build(servo, Instruction.WRITE, bytes((reg.BAUD_RATE.address, 0))), 6)
    port.baudrate = 1_000_000
    assert ask(port, PING_1, 6) == PONG_1
    assert answered - asked >= (len(SYNC_READ) + SYNC_ANSWER) * 10 / 57_600


def test_one_pings_after_another_each_has_its_answer(port):
    port.write(PING_1 * 50)
    parser = Parser()
    assert len(parser.feed(port.read(6 * 50))) == 50
    assert parser.skipped == 0


def test_a_client_that_never_reads_stops_nothing(twin, port):
    for _ in range(300):
        port.write(SYNC_READ)
    mark = twin.truth.snapshot()["time"]
    until(lambda: twin.truth.snapshot()["time"] > mark + 0.5, DEADLINE)
    port.reset_input_buffer()
    until(lambda: ask(port, PING_1, 6) == PONG_1 or port.reset_input_buffer(), DEADLINE)


# --- the truth port ----------------------------------------------------------------------------


def test_the_history_has_every_step(twin):
    rows = twin.truth.history(0.5)
    assert rows.shape == (250, 14)
    assert (rows[1:, 0] - rows[:-1, 0]).round(6).tolist() == [0.002] * 249
    assert (rows[1:, 1] >= rows[:-1, 1]).all()


def test_a_long_history_and_log_come_whole_over_many_pages(twin, port):
    mark = time.monotonic_ns()
    for _ in range(PAGE):
        assert ask(port, PING_1, 6) == PONG_1
    until(lambda: len(twin.truth.history(3.0)) == 1500, DEADLINE)
    steps = np.diff(twin.truth.history(3.0)[:, 0])
    assert steps == pytest.approx(0.002)
    log = twin.truth.wire_log("arm_bus", mark)
    assert b"".join(event.data for event in log if event.direction == "in") == PING_1 * PAGE
    assert b"".join(event.data for event in log if event.direction == "out") == PONG_1 * PAGE


def test_who_asks_finds_the_world_of_this_moment(twin):
    for _ in range(30):
        time.sleep(0.005)  # nobody asks, steps may wait
        start = time.monotonic()
        answered = twin.truth.snapshot()["time"]
        rows = twin.truth.history(2.0)
        assert answered >= rows[rows[:, 1] <= start][-1, 0]


def test_a_wrong_question_is_answered_with_what_is_right(twin):
    with pytest.raises(InvalidValue, match="arm_bus"):
        twin.truth.pull("arm_buss")
    with pytest.raises(InvalidValue, match="brownout"):
        twin.truth.inject("explosion", "gripper")
    for wrong in ({"minutes": 1}, {"seconds": float("nan")}, {"seconds": "ten"}):
        with pytest.raises(InvalidValue, match="wrong arguments"):
            twin.truth.ask("history", **wrong)
    assert twin.truth.slip() >= 0.0


# --- its end -----------------------------------------------------------------------------------


def family(pid):
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def gone(processes):
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def test_close_leaves_no_process_no_link_and_no_socket():
    twin = Twin.start("desk", perturb=False)
    processes = family(twin.pid)
    assert len(processes) >= 2  # the camera's is one of them
    twin.close()
    twin.close()
    until(lambda: gone(processes), DEADLINE)
    assert not os.path.lexists(twin.links["arm_bus"])
    assert not Path(twin.truth_path).parent.exists()


OWNER = """
import sys, time
from handrail_sim.twin.launch import Twin
from handrail_sim.twin.wire import PAGE
twin = Twin.start("desk")
print(twin.pid, twin.links["arm_bus"], flush=True)
sys.stdin.read()
"""


def test_a_killed_owner_leaves_no_twin_and_no_camera():
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        pid, link = owner.stdout.readline().split()
        processes = family(int(pid))
        assert len(processes) >= 2
        owner.kill()
    until(lambda: gone(processes), DEADLINE)
    assert not os.path.lexists(link)


def test_a_killed_twin_leaves_no_camera_and_its_questions_fail():
    twin = Twin.start("desk")
    try:
        processes = family(twin.pid)
        truth = twin.truth
        os.kill(twin.pid, signal.SIGKILL)
        until(lambda: gone(processes), DEADLINE)
        with pytest.raises(ProcessLost):
            truth.snapshot()
    finally:
        twin.close()
    assert not Path(twin.truth_path).parent.exists()


def test_the_first_line_says_where_everything_is():
    command = [sys.executable, "-m", "handrail_sim.twin.process", "desk", "--seed", "4", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert select.select([process.stdout], [], [], DEADLINE)[0]
            said = json.loads(process.stdout.readline())
            assert set(said) == {"wires", "links", "urls", "truth"}
            assert os.readlink(said["links"]["arm_bus"]) == said["wires"]["arm_bus"]
            assert set(said["urls"]) == {"overhead", "view"}
            assert Path(said["truth"]).is_socket()
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(DEADLINE) == 0
    assert not Path(said["truth"]).parent.exists()


def test_a_cell_that_is_not_there_does_not_start(capfd):
    with pytest.raises(HandrailError):
        Twin.start("no-such-cell")
    assert "no-such-cell" in capfd.readouterr().err
