"""An event loop reads where it is only what is there at once, and never takes it for another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from handrail_drivers.errors import ModbusException, UnknownName
from handrail_drivers.modbus import frames, line, wires
from handrail_drivers.modbus.device import ModbusDevice, ModbusSettings
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.line import Line
from handrail_drivers.modbus.lines import Lines
from handrail_drivers.schema import tool_methods
from modbus_peer import Peer, RtuPeer, TcpPeer, Unit

FIRST, SECOND = frames.read(1, Table.HOLDING, 0, 1), frames.read(1, Table.HOLDING, 10, 1)
MAP = """
registers.first = { description = "One.", address = 0, type = "u16" }
registers.second = { description = "Two.", address = 200, type = "u16" }
"""


@pytest.fixture
def peer() -> Iterator[TcpPeer]:
    found = TcpPeer(u1=Unit({0: 11, 10: 111, 200: 22}))
    yield found
    found.close()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    monkeypatch.setattr(line, "PROMPT", 2.0)  # a busy machine's 1 ms
    found = Lines()
    yield found
    found.close()


def settings(peer: Peer, map_: Path = Path("none.toml")) -> ModbusSettings:
    where = {"tcp": peer.address} if isinstance(peer, TcpPeer) else {"port": peer.address}
    return ModbusSettings.model_validate({"map": map_, "timeout": 2.0, "retries": 0, **where})


@pytest.fixture
def found(lines: Lines, peer: TcpPeer) -> Line:
    return lines.line(settings(peer))


def prompt(found: Line, request: frames.Request) -> tuple[int, ...] | None:
    answer = found.ask_promptly(request)
    return None if answer is None else frames.words(answer)


def test_what_answers_quickly_is_read_at_once(found: Line, peer: TcpPeer) -> None:
    assert prompt(found, FIRST) is None, "nobody knows yet how quick it is"
    assert peer.units[1].asked == []
    found.ask(FIRST)
    assert [prompt(found, one) for one in (FIRST, SECOND)] == [(11,), (111,)]


@pytest.fixture
def hurried(found: Line, monkeypatch: pytest.MonkeyPatch) -> Line:
    """The line, known to be quick, and what is late by 0.1 s is late."""
    found.ask(FIRST)
    monkeypatch.setattr(line, "PROMPT", 0.05)
    monkeypatch.setattr(wires, "WAITS_ON", 30.0)  # a busy machine's 10 ms
    found.ask(FIRST)
    return found


def test_one_late_answer_is_waited_for_on_and_a_second_one_is_enough(
    hurried: Line, peer: TcpPeer
) -> None:
    asked = peer.units[1].asked
    before = len(asked)
    for number in (1, 2):
        peer.released.clear()
        peer.units[1].tricks = ["held"]
        assert prompt(hurried, FIRST) is None
        peer.released.set()
        assert frames.words(hurried.ask(FIRST)) == (11,)
        assert len(asked) == before + number, "asked once each"
    assert prompt(hurried, FIRST) is None
    assert len(asked) == before + 2, "left to who can wait, at once"


def test_a_late_answer_is_none_of_another_request(hurried: Line, peer: TcpPeer) -> None:
    peer.units[1].tricks = ["late"]
    assert prompt(hurried, FIRST) is None
    assert frames.words(hurried.ask(SECOND)) == (111,)
    peer.units[1].registers[0] = 12
    assert frames.words(hurried.ask(FIRST)) == (12,), "asked anew, since another one was between"


def test_what_was_asked_long_ago_is_asked_anew(
    hurried: Line, peer: TcpPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.units[1].tricks = ["late"]
    assert prompt(hurried, FIRST) is None
    monkeypatch.setattr(wires, "WAITS_ON", 0.0)
    peer.units[1].registers[0] = 12
    assert frames.words(hurried.ask(FIRST)) == (12,)


@pytest.mark.parametrize("trick", ["short", "garbage", "reboot"])
def test_whatever_goes_wrong_is_left_to_who_can_wait(
    found: Line, peer: TcpPeer, trick: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found.ask(FIRST)
    monkeypatch.setattr(line, "PROMPT", 0.05)
    found.ask(FIRST)
    peer.units[1].tricks = [trick]
    assert prompt(found, FIRST) is None
    assert frames.words(found.ask(SECOND)) == (111,)


def test_a_refusal_is_an_answer(found: Line, peer: TcpPeer) -> None:
    found.ask(FIRST)
    peer.units[1].tricks = ["busy"]
    with pytest.raises(ModbusException, match="busy"):
        found.ask_promptly(FIRST)


def test_nobody_elses_turn_is_waited_for(found: Line) -> None:
    found.ask(FIRST)
    found._turns.take(1)
    assert found.ask_promptly(FIRST) is None
    found._turns.end()
    assert prompt(found, FIRST) == (11,)


def test_a_serial_line_is_never_waited_for(lines: Lines) -> None:
    """Its late answers have no number."""
    peer = RtuPeer(u1=Unit({0: 11}))
    try:
        found = lines.line(settings(peer))
        found.ask(FIRST)
        assert found.ask_promptly(FIRST) is None
    finally:
        peer.close()


async def test_a_tool_reads_the_same_either_way(
    lines: Lines, peer: TcpPeer, tmp_path: Path
) -> None:
    (tmp_path / "map.toml").write_text(MAP)
    one = settings(peer, tmp_path / "map.toml")
    device = ModbusDevice("meter", one, lines.line(one))
    read = tool_methods(device)["read_values"]
    for names, expected in (
        (["first"], {"first": 11}),  # by a thread: nothing was asked before
        (["first"], {"first": 11}),
        ([], {"first": 11, "second": 22}),  # two requests
    ):
        answer = await asyncio.wait_for(read(names=names), 5)
        assert answer.pop("time_ns") > 0
        assert answer == expected
    peer.units[1].tricks = ["busy"]
    with pytest.raises(ModbusException) as refused:
        await read(names=["first"])
    assert (refused.value.subject, refused.value.field) == ("meter", "first")
    with pytest.raises(UnknownName):
        device.read_promptly(["third"])
