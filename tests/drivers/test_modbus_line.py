"""A line of Modbus units: what is read is what the unit that was asked answered, or an error."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from handrail_drivers.errors import (
    BusLost,
    InvalidValue,
    ModbusException,
    ModbusFault,
    ModbusGarbled,
    ModbusSilent,
)
from handrail_drivers.modbus import frames, pause, wires
from handrail_drivers.modbus.device import ModbusSettings
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.line import Line
from handrail_drivers.modbus.lines import Lines
from hypothesis import given
from hypothesis import strategies as st
from modbus_peer import Peer, RtuPeer, TcpPeer, Unit

TIMEOUT = 0.06  # s
FIRST, SECOND = frames.read(1, Table.HOLDING, 0, 2), frames.read(1, Table.HOLDING, 10, 2)
OTHER = frames.read(2, Table.HOLDING, 0, 2)
WRITE = frames.write_registers(1, 0, [77])


@pytest.fixture(params=["tcp", "rtu"])
def peer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    monkeypatch.setattr(pause, "FIRST_PAUSE", 0.0)
    kind: type[Peer] = TcpPeer if request.param == "tcp" else RtuPeer
    found = kind(
        u1=Unit({0: 11, 1: 12, 10: 111, 11: 112}),
        u2=Unit({0: 21, 1: 22}),
    )
    yield found
    found.close()


@pytest.fixture
def lines() -> Iterator[Lines]:
    found = Lines()
    yield found
    found.close()


def on(lines: Lines, peer: Any, **more: Any) -> Line:
    where = {"tcp": peer.address} if isinstance(peer, TcpPeer) else {"port": peer.address}
    given_ = {"map": "none.toml", "timeout": TIMEOUT, "retries": 0, **where, **more}
    return lines.line(ModbusSettings.model_validate(given_))


def values(found: Line, request: frames.Request) -> tuple[int, ...]:
    return frames.words(found.ask(request))


def test_units_answer_what_they_are_asked(peer: Peer, lines: Lines) -> None:
    found = on(lines, peer)
    assert [values(found, ask) for ask in (FIRST, SECOND, OTHER)] == [
        (11, 12),
        (111, 112),
        (21, 22),
    ]


@pytest.mark.parametrize(
    ("trick", "error"),
    [
        ("silent", ModbusSilent),
        ("short", ModbusGarbled),
        ("corrupt", ModbusGarbled),
        ("other unit", ModbusFault),
        ("other function", ModbusGarbled),
        ("garbage", ModbusFault),
        ("busy", ModbusException),
    ],
)
def test_what_is_no_answer_is_an_error_and_the_next_one_is_right(
    peer: Peer, lines: Lines, trick: str, error: type[ModbusFault]
) -> None:
    if trick == "corrupt" and isinstance(peer, TcpPeer):
        pytest.skip("TCP has its own checksum")
    found = on(lines, peer)
    assert values(found, FIRST) == (11, 12)
    peer.units[1].tricks = [trick]
    with pytest.raises(error):
        found.ask(FIRST)
    assert values(found, SECOND) == (111, 112)


def test_a_late_answer_never_passes_for_the_next(peer: Peer, lines: Lines) -> None:
    """The late one has the shape of the one that is awaited, and comes just before it."""
    found = on(lines, peer)
    for _ in range(5):
        peer.units[1].tricks = ["late"]
        with pytest.raises(ModbusSilent):
            found.ask(FIRST)
        assert values(found, SECOND) == (111, 112)


def test_a_late_answer_of_one_unit_is_no_answer_of_another(peer: Peer, lines: Lines) -> None:
    found = on(lines, peer)
    peer.units[1].tricks = ["late"]
    with pytest.raises(ModbusSilent):
        found.ask(FIRST)
    assert values(found, OTHER) == (21, 22)


def test_a_flood_of_exceptions_passes(peer: Peer, lines: Lines) -> None:
    found = on(lines, peer)
    peer.units[1].tricks = ["busy"] * 50
    for _ in range(50):
        with pytest.raises(ModbusException, match="server device busy"):
            found.ask(FIRST)
    assert values(found, FIRST) == (11, 12)


def test_reads_are_repeated_and_writes_are_not(peer: Peer, lines: Lines) -> None:
    found = on(lines, peer, retries=1)
    peer.units[1].tricks = ["silent"]
    assert values(found, FIRST) == (11, 12)
    peer.units[1].asked.clear()
    peer.units[1].tricks = ["silent"]
    with pytest.raises(ModbusSilent):
        found.ask(WRITE)
    assert len(peer.units[1].asked) == 1


def test_a_device_that_reboots_is_found_again(lines: Lines, monkeypatch: Any) -> None:
    monkeypatch.setattr(pause, "FIRST_PAUSE", 0.0)
    peer = TcpPeer(u1=Unit({0: 11, 1: 12}))
    try:
        found = on(lines, peer)
        assert values(found, FIRST) == (11, 12)
        peer.units[1].tricks = ["reboot"]
        with pytest.raises((BusLost, ModbusGarbled)):
            found.ask(FIRST)
        assert values(found, FIRST) == (11, 12)
        assert peer.connections == 2
    finally:
        peer.close()


def test_a_write_to_a_connection_that_was_closed_meanwhile_is_made(lines: Lines) -> None:
    """Many devices close one that is idle. Nothing was sent on it, so nothing is unknown."""
    peer = TcpPeer(u1=Unit({0: 11, 1: 12}))
    try:
        found = on(lines, peer)
        assert values(found, FIRST) == (11, 12)
        peer.hang_up()
        found.ask(WRITE)
        assert (peer.units[1].registers[0], peer.connections) == (77, 2)
        assert [body[0] for body in peer.units[1].asked] == [3, 6]
    finally:
        peer.close()


def test_a_silent_unit_is_left_alone_while_others_are_served(
    peer: Peer, lines: Lines, monkeypatch: Any
) -> None:
    monkeypatch.setattr(pause, "FIRST_PAUSE", 60.0)
    found = on(lines, peer)
    peer.units[1].tricks = ["silent"]
    with pytest.raises(ModbusSilent):
        found.ask(FIRST)
    asked = len(peer.units[1].asked)
    for _ in range(5):
        with pytest.raises(ModbusSilent, match="asked again in"):
            found.ask(FIRST)
        assert values(found, OTHER) == (21, 22)
    assert len(peer.units[1].asked) == asked


def test_a_unit_that_answers_again_is_served_at_once(peer: Peer, lines: Lines) -> None:
    found = on(lines, peer)
    peer.units[1].tricks = ["silent", "silent"]
    for _ in range(2):
        with pytest.raises(ModbusSilent):
            found.ask(FIRST)
    for _ in range(3):
        assert values(found, FIRST) == (11, 12)


def test_devices_at_one_address_share_a_line(peer: Peer, lines: Lines) -> None:
    assert on(lines, peer) is on(lines, peer, unit=2)


@pytest.mark.parametrize(("key", "other"), [("baud", 9600), ("parity", "none"), ("frame_gap", 0.1)])
def test_devices_on_one_line_speak_alike(lines: Lines, key: str, other: Any) -> None:
    shared = {"map": "m.toml", "port": "/dev/ttyUSB0"}
    lines.line(ModbusSettings.model_validate(shared))
    lines.line(ModbusSettings.model_validate({**shared, "unit": 2, "map": "other.toml"}))
    with pytest.raises(InvalidValue, match="/dev/ttyUSB0") as refused:
        lines.line(ModbusSettings.model_validate({**shared, "unit": 3, key: other}))
    assert (refused.value.field, refused.value.value) == (key, other)


def test_nobody_there_is_told_with_the_address(lines: Lines) -> None:
    settings = ModbusSettings.model_validate({"map": "m.toml", "tcp": "127.0.0.1:9"})
    with pytest.raises(BusLost, match=r"127\.0\.0\.1:9"):
        lines.line(settings).ask(FIRST)


class Slow:
    """A serial line in virtual time, whose unit answers 5 ms after it was asked."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: list[float] = []
        self.came: list[float] = []
        self._waiting = b""

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def discard_input(self) -> None:
        """Nothing waits."""

    def write(self, data: bytes) -> None:
        self.sent.append(self.now)
        body = bytes((data[0], 3, 4, 0, 22, 0, 29))
        self._waiting = body + frames.crc(body)

    def read(self, size: int, timeout: float) -> bytes:
        self.now += 0.005
        part, self._waiting = self._waiting[:size], self._waiting[size:]
        self.came += [self.now] if part else []
        return part


@pytest.mark.parametrize(
    ("baud", "gap", "silence"), [(9600, None, 0.004), (115_200, None, 0.00175), (9600, 0.05, 0.05)]
)
def test_frames_are_parted_by_silence(
    monkeypatch: pytest.MonkeyPatch, baud: int, gap: float | None, silence: float
) -> None:
    line = Slow()
    monkeypatch.setattr(wires, "time", line)
    wire = wires.RtuWire(line, baud, gap)  # type: ignore[arg-type]  # all that it needs
    for _ in range(3):
        assert wire.exchange(FIRST, timeout=1.0)
    lasts = [max(at for at in line.came if at < sent) for sent in line.sent[1:]]
    waits = [sent - last for sent, last in zip(line.sent[1:], lasts, strict=True)]
    assert waits == pytest.approx([silence] * 2, rel=0.01)


@given(st.binary(max_size=60))
def test_no_bytes_pass_for_an_answer_that_are_none(said: bytes) -> None:
    for request in (FIRST, WRITE):
        if frames.answers(request, said):
            assert said[0] & 0x7F == request.body[0]
            assert len(said) == request.size or (len(said) == 2 and said[0] & 0x80)


def test_a_line_that_was_away_for_long_is_soon_tried_again(monkeypatch: Any) -> None:
    tries: list[float] = []
    now = [100.0]

    def lost() -> Any:
        tries.append(now[0])
        raise BusLost("It is gone.")

    monkeypatch.setattr("time.monotonic", lambda: now[0])
    found = Line("away", lost, timeout=0.1, retries=0)
    for _ in range(600):  # a minute
        with pytest.raises(BusLost):
            found.ask(FIRST)
        now[0] += 0.1
    pauses = [later - before for before, later in itertools.pairwise(tries)]
    assert max(pauses) == pytest.approx(1.0, abs=0.11)
