"""The cells of a vendor's register list: addresses, types, byte orders, scales and units."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from handrail_drivers.errors import InvalidCell
from handrail_drivers.modbus.map_draft import Entry, MapDraft, as_toml
from handrail_drivers.modbus.map_file import read_map
from handrail_drivers.modbus.map_import import import_map
from handrail_drivers.modbus.places import Notation
from handrail_drivers.modbus.register_map import Register, RegisterMap
from handrail_drivers.modbus.vocabulary import identifier
from hypothesis import given
from hypothesis import strategies as st


def loaded(draft: MapDraft) -> RegisterMap:
    return read_map(tomllib.loads(draft.text), "draft")


def imported(text: str, **more: Any) -> RegisterMap:
    return loaded(import_map(text, "test.csv", **more))


def row(**cells: str) -> Register:
    """What one row becomes; it has an address where none is given."""
    cells = {"name": "it", "address": "5", **cells}
    text = ";".join(cells) + "\n" + ";".join(cells.values())
    return imported(text).registers["it"]


# --- addresses ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "more", "table", "address"),
    [
        ("17", {}, "holding", 17),
        ("17", {"first_address": 1}, "holding", 16),
        ("0x10", {}, "holding", 16),
        ("10h", {}, "holding", 16),
        ("40017", {}, "holding", 16),
        ("400017", {}, "holding", 16),
        ("30001", {}, "input", 0),
        ("465536", {}, "holding", 65535),
        ("4x0017", {}, "holding", 16),
        ("40000", {}, "holding", 40000),  # no Modicon address
        ("40017", {"notation": Notation.PLAIN}, "holding", 40017),
        ("17-18", {}, "holding", 17),
    ],
)
def test_addresses_are_written_in_many_ways(
    text: str, more: dict[str, Any], table: str, address: int
) -> None:
    one = imported(f"name,address,unit\na,{text},V\n", **more).registers["a"]
    assert (one.table, one.address) == (table, address)


def test_a_header_may_say_hex() -> None:
    assert imported("name,address (hex)\na,1F\n").registers["a"].address == 31


def test_of_two_address_columns_the_decimal_one_is_taken() -> None:
    text = "name,address (hex),address (dec)\na,1F,31\nb,20,32\n"
    assert [one.address for one in imported(text).registers.values()] == [31, 32]


def test_one_plain_address_makes_all_of_them_plain() -> None:
    found = imported("name,address\na,40001\nb,12\n").registers
    assert (found["a"].address, found["b"].address) == (40001, 12)


def test_a_coil_without_its_zeros_is_a_coil_still() -> None:
    found = imported("name,address,type\na,40001,u16\nb,12,bool\n").registers
    assert (found["b"].table, found["b"].address) == ("coil", 11)


def test_a_table_that_contradicts_the_notation_makes_it_plain() -> None:
    one = imported("name,address,function\na,30001,3\n").registers["a"]
    assert (one.table, one.address) == ("holding", 30001)


def test_two_values_in_one_place_are_not_both_taken() -> None:
    draft = import_map("name,address,type\na,1,u32\nb,2,u16\nc,3,u16\n", "test.csv")
    assert list(loaded(draft).registers) == ["a", "c"]
    assert any("line 3" in line and "a stands there already" in line for line in draft.unknown)


def test_fields_of_bits_share_a_register() -> None:
    found = imported("name,address,type,bit\na,1,bool,0\nb,1,bool,1\nc,1,u16,4-7\n").registers
    assert [one.bits and (one.bits.low, one.bits.width) for one in found.values()] == [
        (0, 1),
        (1, 1),
        (4, 4),
    ]


def test_units_of_a_line_are_imported_apart() -> None:
    text = "name,address,slave id\na,1,1\nb,1,2\n"
    assert list(imported(text, unit=2).registers) == ["b"]
    assert any("--unit" in line for line in import_map(text, "test.csv").unknown)


# --- types, scales, units -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kind", "order"),
    [
        ("UINT16", "u16", "ABCD"),
        ("INT", "i16", "ABCD"),
        ("DINT", "i32", "ABCD"),
        ("REAL", "f32", "ABCD"),
        ("LREAL", "f64", "ABCD"),
        ("Unsigned 32", "u32", "ABCD"),
        ("uint32_be", "u32", "ABCD"),
        ("uint32_le", "u32", "DCBA"),
        ("float32 swapped", "f32", "CDAB"),
        ("uint16_t", "u16", "ABCD"),
    ],
)
def test_types_have_many_names(text: str, kind: str, order: str) -> None:
    one = row(type=text)
    assert (one.type, one.order) == (kind, order)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("big endian", "ABCD"),
        ("Little-Endian", "DCBA"),
        ("word swap", "CDAB"),
        ("LSW first", "CDAB"),
        ("little endian byte swap", "CDAB"),
        ("big-endian byte swap", "BADC"),
        ("3412", "CDAB"),
        ("cdab", "CDAB"),
    ],
)
def test_byte_orders_have_many_names(text: str, order: str) -> None:
    assert row(type="u32", endianness=text).order == order


def test_a_length_makes_an_int_wide() -> None:
    assert row(type="INT", count="2").type == "i32"


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        *((text, 0.1) for text in ("0,1", "0.1", "x0.1", "/10", "1/10", "10^-1")),
        *((text, 1.0) for text in ("", "-", "x1")),
        ("1.234,5", 1234.5),
        ("1e-3", 1e-3),
    ],
)
def test_scales_are_written_in_many_ways(text: str, scale: float) -> None:
    assert row(scale=text).scale == pytest.approx(scale)


@pytest.mark.parametrize("text", ["0", "nan", "inf", "1e999", "ten", "/0", "1_0", "٣"])
def test_a_scale_that_is_none_is_left_out(text: str) -> None:
    with pytest.raises(InvalidCell, match="can be used") as refused:
        row(scale=text)
    assert any("line 2, column 'scale'" in fault for fault in refused.value.faults)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *(("°C", "Cel"), ("℃", "Cel"), ("rpm", "/min"), ("%", "%"), ("m³/h", "m3/h"), ("MW", "MW")),
        *(("kWh", "kW.h"), ("Ω", "Ohm"), ("µS/cm", "uS/cm"), ("[V]", "V"), ("-", "1"), ("s", "s")),
        *(("mW", "1"), ("S", "1")),  # not megawatts, not seconds: not known
    ],
)
def test_units_become_ucum(text: str, code: str) -> None:
    assert row(unit=text).unit == code


def test_a_unit_that_is_not_known_stands_in_the_description() -> None:
    one = row(unit="furlong")
    assert one.unit == "1"
    assert "furlong" in one.description


def test_a_factor_before_a_unit_is_a_scale() -> None:
    one = row(unit="0,1 V")
    assert (one.unit, one.scale) == ("V", 0.1)


def test_limits_that_do_not_fit_are_left_out() -> None:
    draft = import_map("name,address,type,min,max\na,1,u16,-5,5\n", "test.csv")
    assert loaded(draft).registers["a"].low is None
    assert any("min and max are left out" in line for line in draft.unknown)


def test_a_comma_in_a_number_is_decimal_only_where_it_is_no_delimiter() -> None:
    assert imported("name\taddress\tscale\na\t1\t0,5\n").registers["a"].scale == 0.5
    with pytest.raises(InvalidCell):
        imported('name,address,scale\na,1,"1,500"\n')


def test_what_cannot_be_seen_does_not_stand_in_a_draft() -> None:
    parts = {"description": 'a\x7f"b"\n\u202ec', "address": 1}
    text = as_toml(["a\nb"], {}, (), [Entry("it", parts, before="c\rd")])
    assert read_map(tomllib.loads(text), "it").registers["it"].description == 'a "b"  c'
    assert "# a b\n" in text


@given(st.text())
def test_any_name_becomes_an_identifier(text: str) -> None:
    name = identifier(text)
    assert name == "" or (name[0].isalpha() and name.isascii() and name == name.lower())
