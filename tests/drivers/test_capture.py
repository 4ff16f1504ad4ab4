"""Captures: what passed is in the file, and a device played back from it answers the same."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from handrail_drivers import relay as relaying
from handrail_drivers.capture import (
    Capture,
    CaptureWriter,
    Entry,
    Header,
    Recorder,
    load_capture,
)
from handrail_drivers.conformance.line import BenchLine
from handrail_drivers.errors import BusLost, DeviceFault, InvalidRequest, ServoSilent
from handrail_drivers.feetech.driver import FeetechBus
from handrail_drivers.numato_gpio import NumatoGpio
from handrail_drivers.relay import TerminalDoor, serve
from handrail_drivers.replay import Difference, LenientReplay, StrictReplay
from handrail_drivers.serial_port import SerialPort
from handrail_sim.twin.feetech_wire import FeetechBank, ServoSpec
from handrail_sim.twin.numato_wire import NumatoModule
from handrail_sim.twin.perturbation import ServoDraw
from hypothesis import given
from hypothesis import strategies as st
from memory_wire import MemoryWire

HANDRAIL = Path(sys.executable).with_name("handrail")


@pytest.fixture
def servos(arm_settings):
    names = arm_settings.joints.items()
    bank = FeetechBank([ServoSpec(one.id, name, ServoDraw()) for name, one in names])
    place = [0.1 * number for number in range(len(bank.servos))]
    bank.step(place, [0.0] * len(place), 0.002)
    return bank


def session(settings, transport):
    """Something of everything that a servo bus is asked."""
    bus = FeetechBus("arm_bus", settings, transport, clock=lambda: 0)
    bus.connect()
    said = [bus.read(), bus.read_hold(), bus.read_health("gripper")]
    bus.set_torque(True)
    bus.write([0.05] * len(bus.joints))
    return [*said, bus.read(), bus.read_hold()]


def captured(transport, talk):
    """What passes while somebody talks, as it was read back from a file."""
    text = io.StringIO()
    talk(Recorder(transport, CaptureWriter(text, Header(device="arm_bus", driver="feetech"))))
    return text.getvalue()


@pytest.fixture
def capture(servos, arm_settings, tmp_path):
    path = tmp_path / "session.jsonl"
    path.write_text(captured(MemoryWire(servos), lambda line: session(arm_settings, line)))
    return load_capture(path)


@pytest.mark.parametrize("kind", [StrictReplay, LenientReplay])
def test_the_driver_reads_the_same_from_its_capture(kind, capture, servos, arm_settings):
    for servo in servos.servos.values():
        servo.power_cycle()
    wanted = session(arm_settings, MemoryWire(servos))
    device = kind(capture)
    assert session(arm_settings, BenchLine(device, 5.0).open()) == wanted
    if isinstance(device, StrictReplay):
        assert (device.difference, device.left) == (None, 0)
    else:
        assert device.unknown == 0


def test_strict_says_what_was_asked_otherwise(capture, arm_settings):
    device = StrictReplay(capture)
    bus = FeetechBus("arm_bus", arm_settings, BenchLine(device, 1.0).open())
    with pytest.raises(ServoSilent):
        bus.read_health("elbow_flex")  # the session began otherwise
    assert device.difference.turn == 1
    assert "came" in device.difference.sentence()


def test_what_was_asked_otherwise_is_told_as_text_where_it_is_some():
    said = Difference(2, b">id;\r", b"\xff\x00").sentence()
    assert said == r"at question 2, the capture has 3e 69 64 3b 0d ('>id;\r'); ff 00 came"


def test_lenient_answers_in_any_order(capture, arm_settings):
    bus = FeetechBus("arm_bus", arm_settings, BenchLine(LenientReplay(capture), 1.0).open())
    assert bus.read_health("gripper").joint == "gripper"
    assert [bus.read().position for _ in range(4)][1] == bus.read().position
    with pytest.raises(ServoSilent):
        bus.read_health("elbow_flex")  # nobody asked that


def test_a_bug_report_is_reproduced_and_mended_without_the_hardware(tmp_path):
    """A module whose firmware says more than the driver knows; its owner sends a capture."""

    class OddModule(NumatoModule):
        def exchanges(self, data, line_baud):
            said = super().exchanges(data, line_baud)
            return [
                (size, answer.replace(b"gpio readall", b"gpio readall "), wait)
                for size, answer, wait in said
            ]

    class Mended(NumatoGpio):
        def _exchange(self, command, digits=0):
            return super()._exchange(command, digits + 1 if digits else 0).strip()

    settings = NumatoGpio.Settings(port="none", ports=16, inputs={"stop": 0}, timeout=0.05)

    def fail(line):
        with pytest.raises(DeviceFault, match="readall"):
            NumatoGpio("box", settings, line).connect()

    path = tmp_path / "report.jsonl"
    path.write_text(captured(BenchLine(OddModule(16, {"stop": 0}), 5.0).open(), fail))
    fail(BenchLine(StrictReplay(load_capture(path)), 5.0).open())  # the maintainer sees it, too
    mended = Mended("box", settings, BenchLine(LenientReplay(load_capture(path)), 5.0).open())
    mended.connect()
    assert mended.read_inputs() == {"stop": True}


def test_the_commands_capture_and_replay_at_a_port(servos, arm_settings, tmp_path):
    path = tmp_path / "session.jsonl"
    with at_a_port(servos) as port, command("capture", path, "--port", port) as (there, _):
        wanted = session(arm_settings, there)
    assert load_capture(path).header.baud == 115_200
    with command("replay", path) as (there, said):
        assert session(arm_settings, there) == wanted
    assert json.loads(said.pop()) == {"difference": None, "left": 0}


def test_a_replay_of_which_nothing_was_asked_is_no_success(capture, tmp_path):
    with command("replay", tmp_path / "session.jsonl", status=1) as (_, said):
        pass
    assert json.loads(said.pop())["left"] > 0


def test_a_client_that_does_not_read_keeps_nobody(monkeypatch):
    monkeypatch.setattr(relaying, "UNREAD", 0.05)
    door = relaying.SocketDoor()
    host, _, port = door.address.rpartition(":")
    with socket.create_connection((host, int(port))) as client:
        door.receive(10.0)
        for _ in range(200):
            door.send(bytes(1 << 20))
            if door.receive(0.0) == b"" and door._client is None:
                break
        assert door._client is None, "it waits for one that never reads"
        client.close()
    door.close()


@contextlib.contextmanager
def at_a_port(emulator):
    door, ending = TerminalDoor(), threading.Event()
    thread = threading.Thread(target=serve, args=(door, emulator, ending.is_set))
    thread.start()
    try:
        yield door.address
    finally:
        ending.set()
        thread.join()
        door.close()


@contextlib.contextmanager
def command(name, *arguments, status=0):
    """Run one of the commands; a transport to where it says, and what it says at its end."""
    process = subprocess.Popen(
        [HANDRAIL, name, *map(str, arguments), "--json"], stdout=subprocess.PIPE, text=True
    )
    said: list[str] = []
    try:
        with contextlib.closing(
            SerialPort(json.loads(process.stdout.readline())["connect"], 1_000_000)
        ) as port:
            yield Patient(port), said
    finally:
        process.send_signal(signal.SIGINT)
        said.append(process.communicate(timeout=30)[0])
        assert process.returncode == status, said


class Patient:
    """A transport that waits for what comes late on a loaded machine."""

    def __init__(self, transport):
        self._transport = transport
        self.write, self.discard_input = transport.write, transport.discard_input
        self.close = lambda: None

    def read(self, size, timeout_s):
        return self._transport.read(size, max(timeout_s, 10.0))


entries = st.lists(
    st.tuples(st.integers(0, 10**12), st.sampled_from("><"), st.binary(min_size=1, max_size=9)),
    max_size=20,
)


@given(entries)
def test_what_is_written_is_read(tmp_path_factory, rows):
    times = iter(sorted(time for time, _, _ in rows))
    text = io.StringIO()
    writer = CaptureWriter(text, Header(device="any"), clock=lambda: next(times))
    for _, way, data in rows:
        writer.note(way, data)
    path = tmp_path_factory.mktemp("captures") / "one.jsonl"
    path.write_text(text.getvalue())
    found = load_capture(path)
    assert [(entry.way, entry.data) for entry in found.entries] == [row[1:] for row in rows]
    assert found.header.device == "any"


@given(entries, st.data())
def test_strict_takes_the_same_bytes_in_any_pieces(rows, data):
    found = Capture(Header(), tuple(Entry(n, way, part) for n, (_, way, part) in enumerate(rows)))
    sent = b"".join(entry.data for entry in found.entries if entry.way == ">")
    first = next((n for n, entry in enumerate(found.entries) if entry.way == ">"), len(rows))
    wanted = b"".join(entry.data for entry in found.entries[first:] if entry.way == "<")
    device, said = StrictReplay(found), b""
    while sent:
        size = data.draw(st.integers(1, len(sent)))
        said += b"".join(answer for _, answer, _ in device.exchanges(sent[:size], None))
        sent = sent[size:]
    assert (said, device.difference, device.left) == (wanted, None, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"handrail_capture": 2}',
        '{"handrail_capture": 1}\n[1, "?", "00"]',
        '{"handrail_capture": 1}\n[1, ">", "0"]',
        '{"handrail_capture": 1}\n[5, ">", "00"]\n[4, ">", "00"]',
        '{"handrail_capture": 1}\n{}',
    ],
)
def test_what_is_no_capture_is_refused(text, tmp_path):
    path = tmp_path / "broken.jsonl"
    path.write_text(text)
    with pytest.raises(InvalidRequest):
        load_capture(path)


def test_a_port_that_goes_ends_a_capture(tmp_path):
    line = BenchLine(NumatoModule(16, {"stop": 0}), 5.0)
    text = io.StringIO()
    recorder = Recorder(line.open(), CaptureWriter(text, Header()))
    recorder.write(b"ver\r")
    assert recorder.read(3, 1.0) == b"ver"
    line.unplug()
    with pytest.raises(BusLost):
        recorder.read(1, 1.0)
    assert text.getvalue().count("\n") == 3
