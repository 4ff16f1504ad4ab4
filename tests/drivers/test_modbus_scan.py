"""A scan of a Modbus line: who is there, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from handrail_bridge.cli.main import app
from handrail_drivers.errors import BusLost, InvalidValue, Refused
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.identity import Identity
from handrail_drivers.modbus.lines import line_settings
from handrail_drivers.modbus.read_only import ReadOnlyLine
from handrail_drivers.modbus.scan import Scan, candidates, read_units, scan
from hypothesis import given
from hypothesis import strategies as st
from modbus_peer import Peer, RtuPeer, TcpPeer, Unit
from typer.testing import CliRunner

TIMEOUT = 0.03  # s
READS = {1, 2, 3, 4, 0x2B}
MAKER = ("Acme", "Pump 7", "1.2")
Start = Callable[..., Any]


@pytest.fixture
def start() -> Iterator[Start]:
    peers: list[Peer] = []

    def make(kind: type[Peer], **units: Unit) -> Peer:
        peers.append(kind(**units))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()
        asked = [body[0] for unit in peer.units.values() for body in unit.asked]
        assert set(asked) <= READS, "nothing is written"


def look(peer: Any, units: str, every: bool = False, **more: Any) -> Scan:
    where = {"tcp": peer.address} if isinstance(peer, TcpPeer) else {"port": peer.address}
    lines = candidates(timeout=TIMEOUT, **where, **more)
    return scan(lines, read_units(units), every)


@pytest.mark.parametrize("kind", [TcpPeer, RtuPeer])
def test_units_are_found_among_silent_ones(start: Start, kind: type[Peer]) -> None:
    peer = start(kind, u3=Unit({0: 7}), u17=Unit({0: 9}, identity=MAKER))
    found = look(peer, "1-20", bauds=[19200], parities=["even"])
    assert [one.unit for one in found.found] == [3, 17]
    assert found.found[0].answer == "holding register 0 is 7"
    assert found.found[0].identity is None
    assert found.found[1].identity == Identity(*MAKER)
    assert found.requests == 20 + 1 + 3  # each once, and who they are


@pytest.mark.parametrize("kind", [TcpPeer, RtuPeer])
def test_a_unit_that_only_refuses_is_there(start: Start, kind: type[Peer]) -> None:
    found = look(start(kind, u2=Unit()), "1-3", bauds=[9600], parities=["none"])
    assert [(one.unit, one.answer) for one in found.found] == [
        (2, "refuses: illegal data address (exception 2)")
    ]


def test_a_gateway_that_says_nobody_is_there_is_believed(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = start(TcpPeer, u1=Unit({0: 1}), u2=Unit())
    monkeypatch.setattr(peer.units[2], "answer", lambda body: bytes((body[0] | 0x80, 11)))
    assert [one.unit for one in look(peer, "1-2").found] == [1]


def test_a_gateway_that_ends_the_connection_is_asked_on(start: Start) -> None:
    peer = start(TcpPeer, u1=Unit(tricks=["reboot"]), u2=Unit({0: 5}))
    assert [one.unit for one in look(peer, "1-2").found] == [2]


def test_settings_are_tried_until_somebody_answers(start: Start) -> None:
    peer = start(RtuPeer, u1=Unit({0: 1}))
    tried = {"bauds": [9600, 19200], "parities": ["none"]}
    assert [one.line.baud for one in look(peer, "1", **tried).found] == [9600]
    # A pseudo-terminal has no speed: the unit answers at each.
    assert [one.line.baud for one in look(peer, "1", True, **tried).found] == [9600, 19200]


def test_a_garbled_answer_and_a_late_one_are_told(start: Start) -> None:
    peer = start(RtuPeer, u1=Unit(tricks=["garbage"]), u2=Unit({0: 1}, tricks=["late"]), u3=Unit())
    found = look(peer, "1-3", bauds=[9600], parities=["none"])
    assert [one.unit for one in found.found] == [3]
    assert "Unit 1" in found.notes[0]
    assert "two units with one number" in found.notes[0]
    assert "try a longer --timeout" in found.notes[-1]


def test_a_device_that_answers_to_every_number_is_told(start: Start) -> None:
    unit = Unit({0: 1})
    found = look(start(TcpPeer, u1=unit, u2=unit, u3=unit, u4=unit), "1-4")
    assert any("look past" in note for note in found.notes)


def test_a_line_that_is_not_there_is_an_error() -> None:
    with pytest.raises(BusLost):
        scan(candidates(port="/dev/none", timeout=TIMEOUT), (1,))
    with pytest.raises(BusLost):
        scan(candidates(tcp="127.0.0.1:1", timeout=TIMEOUT), (1,))


@pytest.mark.parametrize(
    "request_", [frames.write_coil(1, 0, True), frames.write_registers(1, 0, [1])]
)
def test_the_line_sends_no_write(start: Start, request_: frames.Request) -> None:
    peer = start(TcpPeer, u1=Unit())
    with ReadOnlyLine(line_settings(tcp=peer.address)) as line, pytest.raises(Refused):
        line.ask(request_)
    assert peer.units[1].asked == []


def test_the_answer_to_an_identification_may_come_in_pieces() -> None:
    request = frames.identify(1)
    whole = bytes((0x2B, 0x0E, 1, 1, 0, 0, 2, 0, 2, *b"ab", 1, 1, *b"c"))
    sizes = [frames.size_of(request, whole[:size]) for size in range(len(whole) + 1)]
    assert sizes[-1] == len(whole)
    assert all(size > n for n, size in enumerate(sizes[:-1]))
    assert frames.answers(request, whole)
    assert not frames.answers(request, whole + b"x")


@pytest.mark.parametrize("text", ["", "0", "0-3", "9-3", "256", "a", "1-", "1,,2", "-1", "²"])
def test_what_is_no_list_of_units_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        read_units(text)


@given(st.sets(st.integers(1, 255), min_size=1))
def test_units_are_read_as_they_are_written(units: set[int]) -> None:
    assert read_units(", ".join(map(str, units))) == tuple(sorted(units))


@pytest.mark.parametrize(
    "given_",
    [
        {},
        {"tcp": "a:1", "port": "b"},
        {"tcp": "a"},
        {"tcp": "a:99999"},
        {"port": "a", "timeout": 0},
    ],
)
def test_a_line_that_cannot_be_is_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        candidates(**given_)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["modbus", "scan", "--timeout", str(TIMEOUT), *arguments])


def test_the_command_prints_a_table_and_json(start: Start) -> None:
    peer = start(TcpPeer, u3=Unit({0: 7}, identity=MAKER))
    shown = run("--tcp", peer.address, "--units", "1-4")
    assert shown.exit_code == 0
    assert "Pump 7" in shown.stdout
    assert "nothing was written" in shown.stdout
    found = json.loads(run("--tcp", peer.address, "--units", "3", "--json").stdout)
    assert found["units"] == [
        {
            "unit": 3,
            "line": {"tcp": peer.address, "timeout": TIMEOUT},
            "answer": "holding register 0 is 7",
            "identity": {"vendor": "Acme", "product": "Pump 7", "revision": "1.2"},
        }
    ]


def test_the_command_fails_where_nobody_answers(start: Start) -> None:
    peer = start(TcpPeer)
    shown = run("--tcp", peer.address, "--units", "1-2")
    assert shown.exit_code == 1
    assert "nobody answers" in shown.stdout
    assert isinstance(run("--units", "1").exception, InvalidValue)
