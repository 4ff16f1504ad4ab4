"""Register maps: what a value means is said once, and a map that contradicts itself is refused."""

from __future__ import annotations

import itertools
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from handrail_drivers.errors import InvalidCell, InvalidValue, ModbusGarbled
from handrail_drivers.modbus.codec import decode, encode, nearest
from handrail_drivers.modbus.map_file import load_map, read_map
from handrail_drivers.modbus.merging import Span, merged
from handrail_drivers.modbus.register_map import Kind, Register
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
NUMBERS = [kind for kind in Kind if kind not in (Kind.BOOL, Kind.STRING)]
WIDE = [kind for kind in NUMBERS if kind.registers > 1]


def register(**parts: Any) -> Register:
    return read_map({"registers": {"it": one(**parts)}}, "test").registers["it"]


def one(**parts: Any) -> dict[str, Any]:
    return {"description": "a value", "address": 0, **parts}


# --- between words and values -------------------------------------------------------------------


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", WIDE)
@given(data=st.data())
def test_what_is_written_is_read_again(kind: Kind, order: str, data: st.DataObject) -> None:
    it = register(type=kind, order=order, effect="configure")
    value = data.draw(
        st.floats(width=int(kind[1:]), allow_nan=False, allow_infinity=False)
        if kind[0] == "f"
        else st.integers(*kind.range)
    )
    words = encode("it", it, value)
    assert len(words) == kind.registers
    assert all(0 <= word <= 0xFFFF for word in words)
    assert decode("it", it, words) == value


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize(("order", "word_order"), [("ABCD", "big"), ("CDAB", "little")])
def test_words_are_those_of_another_library(kind: Kind, order: str, word_order: Any) -> None:
    names = {"u": "UINT", "i": "INT", "f": "FLOAT"}
    other = ModbusClientMixin.DATATYPE[names[kind[0]] + kind[1:]]
    if kind.registers == 1 and order != "ABCD":
        return
    it = register(type=kind, order=order, effect="configure")
    for value in (0, 1, 100, 32767) if kind[0] != "f" else (0.0, -1.5, 3.25e5):
        expected = ModbusClientMixin.convert_to_registers(value, other, word_order=word_order)
        assert encode("it", it, value) == expected


def test_bytes_are_swapped_in_every_word() -> None:
    value = struct.unpack(">f", bytes((1, 2, 3, 4)))[0]
    words = {
        order: encode("it", register(type="f32", order=order, effect="configure"), value)
        for order in ORDERS
    }
    assert words == {
        "ABCD": [0x0102, 0x0304],
        "CDAB": [0x0304, 0x0102],
        "BADC": [0x0201, 0x0403],
        "DCBA": [0x0403, 0x0201],
    }


def test_scale_and_offset_are_applied_once() -> None:
    it = register(type="i16", scale=0.1, offset=-40, unit="Cel", effect="configure")
    assert decode("it", it, [605]) == pytest.approx(20.5)
    assert encode("it", it, 20.5) == [605]


@pytest.mark.parametrize(
    ("value", "stands"), [(49.96, None), (49.949, 49.9), (50.04, None), (0.049, 0.0), (-0.06, None)]
)
def test_limits_hold_for_what_will_stand_there(value: float, stands: float | None) -> None:
    """49.96 becomes 50.0, which is more than 49.99."""
    it = register(scale=0.1, low=0, high=49.99, unit="Hz", effect="configure")
    if stands is None:
        with pytest.raises(InvalidValue) as refused:
            encode("it", it, value)
        assert refused.value.unit == "Hz"
        assert refused.value.limit is not None
    else:
        assert nearest(it, value) == pytest.approx(stands)
        encode("it", it, value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "12", True, 70000, -1])
def test_what_no_register_can_hold_is_refused(value: Any) -> None:
    with pytest.raises(InvalidValue) as refused:
        encode("it", register(effect="configure"), value)
    assert refused.value.field == "it"


@given(st.floats(allow_nan=False))
def test_a_float_that_is_too_big_is_refused(value: float) -> None:
    it = register(type="f32", effect="configure")
    try:
        words = encode("it", it, value)
    except InvalidValue:
        assert abs(value) > 3.4e38
    else:
        assert decode("it", it, words) == pytest.approx(value, rel=1e-6, abs=1e-40)


def test_a_float_that_is_no_number_is_no_value() -> None:
    with pytest.raises(ModbusGarbled, match="no number"):
        decode("it", register(type="f32"), [0x7FC0, 0])


def test_a_field_of_bits_leaves_the_others_alone() -> None:
    it = register(bits={"low": 4, "width": 3}, effect="configure")
    assert decode("it", it, [0b101_0000]) == 5
    assert encode("it", it, 2, before=[0xFFFF]) == [0xFFFF & ~(0b111 << 4) | 2 << 4]
    with pytest.raises(InvalidValue):
        encode("it", it, 8, before=[0])


def test_a_flag_in_a_register_is_a_bool() -> None:
    it = register(type="bool", bits={"low": 15}, effect="configure")
    assert decode("it", it, [0x8000]) is True
    assert encode("it", it, False, before=[0xFFFF]) == [0x7FFF]
    with pytest.raises(InvalidValue):
        encode("it", it, 1, before=[0])


def test_choices_are_names_and_an_unknown_number_is_told() -> None:
    it = register(choices={"off": 0, "run": 5}, effect="configure")
    assert [decode("it", it, [raw]) for raw in (0, 5, 6)] == ["off", "run", "unknown 6"]
    assert encode("it", it, "run") == [5]
    with pytest.raises(InvalidValue) as refused:
        encode("it", it, "walk")
    assert refused.value.choices == ("off", "run")


def test_a_string_ends_at_its_zero() -> None:
    it = register(type="string", length=3)
    assert decode("it", it, [0x4142, 0x4320, 0]) == "ABC"
    with pytest.raises(ModbusGarbled):
        decode("it", it, [0xFFFE, 0, 0])


# --- contradictions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"table": "input", "effect": "configure"}, "cannot be written"),
        ({"table": "coil"}, "holds bool"),
        ({"type": "bool"}, "bits of width 1"),
        ({"type": "string"}, "length"),
        ({"length": 2}, "length"),
        ({"type": "string", "length": 2, "order": "CDAB"}, "a text is ABCD, or BADC"),
        ({"order": "CDAB"}, "several registers"),
        ({"address": 65535, "type": "u32"}, "beyond 65535"),
        ({"bits": {"low": 14, "width": 3}}, "beyond bit 15"),
        ({"type": "i32", "bits": {"low": 0}}, "field of bits"),
        ({"type": "u32", "bits": {"low": 31, "width": 2}}, "beyond bit 31"),
        ({"low": 5, "high": 4}, "above high"),
        ({"high": 70000}, "does not fit"),
        ({"scale": 0}, "scale"),
        ({"choices": {"a": 70000}}, "does not fit"),
        ({"choices": {"a": 1, "b": 1}}, "two names"),
        ({"choices": {"a": 1}, "scale": 2}, "without scale"),
        ({"safe": 1}, "never written"),
        ({"safe": 9, "high": 5, "effect": "configure"}, "5 is the most"),
        ({"safe": 70000, "effect": "configure"}, "cannot hold 70000"),
        ({"type": "f32", "safe": 1e300, "effect": "configure"}, "cannot hold 1e\\+300"),
        ({"type": "f32", "high": 1e300, "effect": "configure"}, "does not fit"),
        (
            {"safe": 0.06, "scale": 0.1, "low": 0.0, "high": 0.07, "effect": "configure"},
            "would be set to 0.1",
        ),
        ({"scale": 0.1, "low": 0.04, "high": 0.06}, "no raw number lies between"),
        ({"safe": "x", "choices": {"a": 1}, "effect": "configure"}, "none of a"),
        ({"safe": True, "effect": "configure"}, "not of its type"),
        ({"type": "f32", "choices": {"a": 1}}, "whole raw numbers"),
        ({"address": -1}, "address"),
        ({"poll": 0}, "poll"),
        ({"colour": "red"}, "colour"),
        ({"description": ""}, "description"),
    ],
)
def test_a_map_that_contradicts_itself_is_refused(parts: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidCell, match=said):
        register(**parts)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(InvalidCell) as refused:
        read_map({"registers": {"a": one(scale=0), "b": one(address=3, low=2, high=1)}}, "test")
    assert len(refused.value.faults) == 2


@pytest.mark.parametrize(
    ("other", "overlaps"),
    [
        ({"address": 1}, True),
        ({"address": 2}, False),
        ({"address": 1, "table": "input"}, False),
        ({"address": 0, "bits": {"low": 0}}, True),
    ],
)
def test_values_do_not_overlap(other: dict[str, Any], overlaps: bool) -> None:
    data = {"registers": {"a": one(type="u32"), "b": one(**other)}}
    if overlaps:
        with pytest.raises(InvalidCell, match="overlap"):
            read_map(data, "test")
    else:
        read_map(data, "test")


def test_fields_of_bits_share_a_register() -> None:
    low, high = one(bits={"low": 0, "width": 4}), one(bits={"low": 4, "width": 4})
    read_map({"registers": {"a": low, "b": high}}, "test")
    with pytest.raises(InvalidCell, match="overlap"):
        read_map({"registers": {"a": low, "b": one(bits={"low": 3})}}, "test")


def test_a_file_that_is_no_map_says_so(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    with pytest.raises(InvalidCell):
        load_map(path)
    path.write_text("registers = 3 = 4")
    with pytest.raises(InvalidCell, match=r"map\.toml"):
        load_map(path)


# --- as few reads as possible -------------------------------------------------------------------

PLACES = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(["u16", "u32", "u64"])), min_size=1, max_size=7
)


@given(PLACES, st.integers(4, 20), st.integers(0, 4))
def test_reads_are_few_and_split_no_value(
    places: list[tuple[int, str]], most: int, gap: int
) -> None:
    registers: dict[str, Any] = {}
    end = 0
    for n, (aside, kind) in enumerate(places):
        registers[f"r{n}"] = one(address=end + aside % 6, type=kind)
        end = registers[f"r{n}"]["address"] + int(kind[1:]) // 16
    found = read_map({"registers": registers, "most_registers": most, "gap": gap}, "test")
    spans = merged(found, found.registers)
    for span in spans:
        assert span.count <= most
        for name in span.names:
            it = found.registers[name]
            assert span.address <= it.address
            assert it.end <= span.address + span.count
    assert sorted(name for span in spans for name in span.names) == sorted(found.registers)
    assert len(spans) == fewest(list(found.registers.values()), most, gap)


def fewest(registers: list[Register], most: int, gap: int) -> int:
    """Another road: the best of all ways to cut the row."""
    best = [0]
    for end in range(1, len(registers) + 1):
        ways = []
        for begin in range(end):
            part = registers[begin:end]
            near = all(
                after.address <= before.end + gap for before, after in itertools.pairwise(part)
            )
            if near and part[-1].end - part[0].address <= most:
                ways.append(best[begin] + 1)
        best.append(min(ways))
    return best[-1]


def test_tables_are_read_apart() -> None:
    found = read_map(
        {"registers": {"a": one(), "b": one(table="input"), "c": one(table="coil", type="bool")}},
        "test",
    )
    assert [span.table for span in merged(found, ["a", "b", "c"])] == ["coil", "holding", "input"]
    assert merged(found, ["a"]) == (Span(found.registers["a"].table, 0, 1, ("a",)),)
