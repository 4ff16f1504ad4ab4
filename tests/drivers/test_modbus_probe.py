"""A probe of an unknown unit finds exactly what is there, in few requests, and writes nothing."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from handrail_bridge.cli.main import app
from handrail_drivers.errors import InvalidCell, InvalidValue, ModbusSilent, Refused
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.guesses import likely, wide_guesses
from handrail_drivers.modbus.lines import line_settings
from handrail_drivers.modbus.map_file import load_map
from handrail_drivers.modbus.probe import Probe, probe
from handrail_drivers.modbus.probe_draft import draft_map
from handrail_drivers.modbus.read_only import ReadOnlyLine
from handrail_drivers.modbus.walk import Walk
from hypothesis import given
from hypothesis import strategies as st
from modbus_peer import Peer, RtuPeer, TcpPeer, Unit
from typer.testing import CliRunner

TIMEOUT = 0.1  # s
READS = {1, 2, 3, 4}
HOLDING = (Table.HOLDING,)
Start = Callable[..., Any]


@pytest.fixture
def start() -> Iterator[Start]:
    peers: list[Peer] = []

    def make(unit: Unit, kind: type[Peer] = TcpPeer) -> Peer:
        peers.append(kind(u1=unit))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()
        assert {body[0] for body in peer.units[1].asked} <= READS, "nothing is written"


def look(peer: Any, unit: int = 1, **more: Any) -> Probe:
    where = {"tcp": peer.address} if isinstance(peer, TcpPeer) else {"port": peer.address}
    with ReadOnlyLine(line_settings(timeout=TIMEOUT, retries=0, **where)) as line:
        return probe(line, unit, **more)


def floats(*values: float) -> list[int]:
    return list(struct.unpack(f">{2 * len(values)}H", struct.pack(f">{len(values)}f", *values)))


def at(address: int, words: list[int]) -> dict[int, int]:
    return dict(enumerate(words, address))


# --- which addresses ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [TcpPeer, RtuPeer])
def test_what_is_there_is_found_between_holes(start: Start, kind: type[Peer]) -> None:
    there = {n: 1000 + n for run in (range(3, 40), range(50, 51), range(60, 90)) for n in run}
    found = look(start(Unit(there), kind), tables=HOLDING, last=99)
    (holding,) = found.tables
    assert holding.cells == there
    assert holding.runs == [(3, 39), (50, 50), (60, 89)]
    missing = 100 - len(there)
    assert found.requests <= missing + 30  # fewer than one for each cannot tell


def test_a_table_without_holes_takes_no_more_requests_than_reading_it(start: Start) -> None:
    found = look(start(Unit(dict.fromkeys(range(1000), 1))), tables=HOLDING)
    assert found.requests == 1 + 1000 // 125
    assert found.tables[0].longest == 125
    assert found.tables[0].is_limit


def test_what_it_answers_at_once_is_found(start: Start) -> None:
    unit = Unit(dict.fromkeys(range(300), 1), most=60)
    found = look(start(unit), tables=HOLDING, last=299)
    assert (found.tables[0].longest, found.tables[0].is_limit) == (60, True)
    assert len(found.tables[0].cells) == 300
    assert found.requests < 25


def test_a_table_that_is_not_there_costs_one_request(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = Unit({0: 1})
    answer = unit.answer
    missing = lambda body: bytes((body[0] | 0x80, 1)) if body[0] == 1 else answer(body)  # noqa: E731
    monkeypatch.setattr(unit, "answer", missing)
    found = look(start(unit), tables=(Table.COIL, Table.HOLDING), last=3)
    assert found.tables[0].note == "the unit has no such table"
    assert found.tables[1].cells == {0: 1}
    assert sum(body[0] == 1 for body in unit.asked) == 1


def test_bits_are_read_many_at_once(start: Start) -> None:
    coils = {n: n % 3 == 0 for n in range(500)}
    found = look(start(Unit(coils=coils)), tables=(Table.COIL,), last=499)
    assert found.tables[0].cells == coils
    assert found.requests == 2


def test_silence_ends_a_table_and_says_where(start: Start) -> None:
    unit = Unit(dict.fromkeys(range(4), 1), tricks=["answer"] * 4 + ["silent"] * 50)
    found = look(start(unit), tables=HOLDING, last=99)
    assert "8 reads in a row were not answered" in found.tables[0].note
    assert len(unit.asked) < 20


def test_a_busy_device_is_asked_again(start: Start) -> None:
    unit = Unit(dict.fromkeys(range(10), 1), tricks=["answer", "busy", "busy"])
    found = look(start(unit), tables=HOLDING, last=9)
    assert len(found.tables[0].cells) == 10
    assert found.tables[0].refusals == {"server device busy": 2}
    assert len(unit.asked) == 1 + 3


def test_a_unit_that_says_nothing_is_an_error(start: Start) -> None:
    with pytest.raises(ModbusSilent):
        look(start(Unit()), unit=9)


@pytest.mark.parametrize(("first", "last"), [(-1, 5), (5, 4), (0, 70000)])
def test_what_is_no_range_is_refused(start: Start, first: int, last: int) -> None:
    with pytest.raises(InvalidValue):
        look(start(Unit()), first=first, last=last)


LAST = 149
RUNS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 60)), max_size=8)


@given(RUNS, st.sampled_from([1, 2, 3, 10, 32, 125]))
def test_any_table_is_found_exactly(runs: list[tuple[int, int]], most: int) -> None:
    there: set[int] = set()
    end = 0
    for aside, size in runs:
        there |= {n for n in range(end + aside, end + aside + size) if n <= LAST}
        end += aside + size
    asked = []

    def read(address: int, count: int) -> range | None:
        asked.append(address)
        cells = range(address, address + count)
        return cells if count <= most and there.issuperset(cells) else None

    walk = Walk(read, 0, LAST, 125, pairs=True)
    assert list(walk.steps())[-1] == LAST + 1
    assert [cell for block in walk.blocks for cell in block.cells] == sorted(there)
    assert walk.limit in (None, most)
    missing = LAST + 1 - len(there)
    few = 2 * missing if not there or most == 1 else missing + 40
    assert len(asked) <= few + 12 * len(runs) + 2 * len(there) / most + 10


@pytest.mark.parametrize("first", [0, 1])
def test_values_that_are_only_read_whole_are_found(first: int) -> None:
    """As many energy meters have it: half of a float is refused, and so is an odd number."""

    def read(address: int, count: int) -> range | None:
        fits = first <= address and address + count <= first + 100 and count <= 80
        whole = (address - first) % 2 == 0 and count % 2 == 0
        return range(address, address + count) if fits and whole else None

    walk = Walk(read, 0, 199, 125, pairs=True)
    list(walk.steps())
    assert [cell for block in walk.blocks for cell in block.cells] == [*range(first, first + 100)]
    assert walk.limit == 80


# --- what it means ------------------------------------------------------------------------------


def test_floats_are_guessed_in_the_order_in_which_they_are() -> None:
    words = floats(230.1, 49.98, -3.5, 1234.5)
    swapped = [words[n ^ 1] for n in range(len(words))]
    for order, cells in (("ABCD", words), ("CDAB", swapped)):
        found = likely(at(10, cells), 125)
        assert [(n, one.type, one.order) for n, one in found.items()] == [
            (n, "f32", order) for n in (10, 12, 14, 16)
        ]
        assert found[10].value == pytest.approx(230.1)


def test_small_numbers_stay_single_registers() -> None:
    found = likely(at(0, [0, 17, 1200, 0xFFFE, 3]), 125)
    assert [(one.type, one.value) for one in found.values()] == [
        ("u16", 0),
        ("u16", 17),
        ("u16", 1200),
        ("i16", -2),
        ("u16", 3),
    ]


def test_wide_whole_numbers_are_told_and_not_chosen() -> None:
    guesses = [(one.type, one.order, one.value) for one in wide_guesses((1, 57920))]
    assert ("u32", "ABCD", 123456) in guesses
    assert ("i32", "CDAB", -5) in [
        (one.type, one.order, one.value) for one in wide_guesses((0xFFFB, 0xFFFF))
    ]


def test_text_is_told_from_floats() -> None:
    words = list(struct.unpack(">5H", b"PUMP-7 V12"))
    (found,) = likely(at(0, words), 125).values()
    assert (found.type, found.value) == ("string", "PUMP-7 V12")


@given(st.dictionaries(st.integers(0, 40), st.integers(0, 0xFFFF)), st.integers(1, 125))
def test_every_register_belongs_to_one_guess(cells: dict[int, int], most: int) -> None:
    found = likely(cells, most)
    covered = [n for start, one in found.items() for n in range(start, start + one.count)]
    assert sorted(covered) == sorted(cells)


def test_what_changes_is_seen(start: Start) -> None:
    unit = Unit(dict.fromkeys(range(5), 7))
    peer = start(unit)
    moved = threading.Event()

    def progress(_: Table, address: int) -> None:
        if address == 5 and not moved.is_set():  # everything was read once
            unit.registers[3] = 9
            moved.set()

    found = look(peer, tables=HOLDING, last=4, watch=0.01, progress=progress)
    assert found.tables[0].changed == {3: (7, 9)}
    assert found.tables[0].cells[3] == 9


# --- a map to begin with ------------------------------------------------------------------------


def test_the_draft_loads_and_says_what_is_guessed(start: Start, tmp_path: Path) -> None:
    registers = at(0, [5, 0xFFFF]) | at(10, floats(20.5)) | at(100, [0] * 40)
    found = look(start(Unit(registers, {0: 1}, most=30)), last=150)
    draft = draft_map(found)
    path = tmp_path / "map.toml"
    path.write_text(draft.text)
    loaded = load_map(path)
    assert loaded.registers["holding_10"].type == "f32"
    assert loaded.registers["holding_1"].type == "i16"
    assert loaded.registers["coil_0"].table is Table.COIL
    assert loaded.most_registers == 30
    assert "holding_120" not in loaded.registers
    assert not any(one.writable for one in loaded.registers.values())
    assert 'type = "f32"  # guessed' in draft.text
    assert "holding 100 to 139: all 0, left out" in draft.unknown


def test_nothing_makes_no_map(start: Start) -> None:
    with pytest.raises(InvalidCell, match="nothing can be read"):
        draft_map(look(start(Unit()), last=3))


@given(st.dictionaries(st.integers(0, 30), st.integers(0, 0xFFFF), min_size=1), st.integers(1, 9))
def test_any_registers_make_a_map_that_loads(cells: dict[int, int], most: int) -> None:
    from handrail_drivers.modbus.probe import TableFound
    from handrail_drivers.modbus.walk import Block

    blocks = [Block(address, (cell,)) for address, cell in sorted(cells.items())]
    found = TableFound(Table.INPUT, blocks, longest=most)
    try:
        draft = draft_map(Probe(1, 0, 30, (found,), 1, 1.0))
    except InvalidCell:
        assert not any(cells.values())
    else:
        assert draft.registers


# --- the command --------------------------------------------------------------------------------


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["modbus", "probe", *arguments])


def test_the_command_shows_and_writes(start: Start, tmp_path: Path) -> None:
    peer = start(Unit(at(0, [17, *floats(20.5)]), {}))
    out = tmp_path / "map.toml"
    where = ["--tcp", peer.address, "--last", "9", "--table", "holding"]
    shown = run(*where, "--out", str(out), "--watch", "0.01")
    assert shown.exit_code == 0, shown.output
    assert "0-2 (3 in all, at least 3 at once)" in shown.stdout
    assert "f32 ABCD 20.5" in shown.stdout
    assert load_map(out).registers["holding_1"].type == "f32"
    again = run(*where, "--out", str(out))
    assert isinstance(again.exception, Refused)
    found = json.loads(run(*where, "--json").stdout)
    assert found["tables"]["holding"]["runs"] == [[0, 2]]
    assert found["tables"]["holding"]["cells"]["0"] == 17
