"""A vendor's register list becomes a map that loads, or an error that says why it cannot."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from handrail_bridge.cli.main import app
from handrail_drivers.errors import HandrailError, InvalidCell, InvalidRequest, Refused
from handrail_drivers.modbus.map_draft import Entry, MapDraft, as_toml
from handrail_drivers.modbus.map_import import import_map
from handrail_drivers.modbus.places import Notation
from handrail_drivers.modbus.register_list import decoded
from handrail_drivers.modbus.register_map import Register, RegisterMap, load_map, read_map
from handrail_drivers.modbus.vocabulary import HEADERS, TYPES, UCUM, identifier
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

DRIVE = """\
ACME drive;;;;;;;;
Tag;Register;Data type;Factor;Unit;Access;Min;Max;Description
Motor speed;40001;INT16;1;rpm;R/W;-3000;3000;Speed of the motor
Temp Motor;40002;INT;0,1;°C;R;-40;150,5;
Power;40003;FLOAT32;;kW;RO;;;Active "power"
Power;40005;REAL;;kW;RO;;;
Serial;40010;STRING[8];;;R;;;
Running;40020.3;BOOL;;;R;;;
Broken;abc;INT;;;R;;;
Complex;40030;COMPLEX;;;R;;;
Level;30001;UINT16;0,01;%;R;;;
Lamp;00005;BOOL;;;RW;;;
Start;40050;UINT;;;W;;;
"""


def loaded(draft: MapDraft) -> RegisterMap:
    return read_map(tomllib.loads(draft.text), "draft")


def imported(text: str, **more: Any) -> RegisterMap:
    return loaded(import_map(text, "test.csv", **more))


def row(**cells: str) -> Register:
    """What one row becomes; it has an address where none is given."""
    cells = {"name": "it", "address": "5", **cells}
    text = ";".join(cells) + "\n" + ";".join(cells.values())
    return imported(text).registers["it"]


# --- a list as integrators have it --------------------------------------------------------------


def test_a_list_becomes_a_map() -> None:
    found = imported(DRIVE).registers
    assert list(found) == [
        "motor_speed",
        "temp_motor",
        "power",
        "power_2",
        "serial",
        "running",
        "level",
        "lamp",
    ]
    speed, warm = found["motor_speed"], found["temp_motor"]
    assert (speed.address, speed.table, speed.type, speed.unit) == (0, "holding", "i16", "/min")
    assert (warm.scale, warm.unit, warm.low, warm.high) == (0.1, "Cel", -40, 150.5)
    assert (found["power"].address, found["power"].type) == (2, "f32")
    assert found["power"].description == 'Active "power"'
    assert (found["serial"].type, found["serial"].length) == ("string", 4)
    assert found["running"].bits is not None
    assert (found["running"].address, found["running"].bits.low) == (19, 3)
    assert (found["level"].table, found["level"].address) == ("input", 0)
    assert (found["lamp"].table, found["lamp"].address) == ("coil", 4)


def test_nothing_becomes_writable_and_it_says_what_to_add() -> None:
    draft = import_map(DRIVE, "test.csv")
    assert not any(one.writable for one in loaded(draft).registers.values())
    (speed,) = (line for line in draft.unknown if line.startswith("motor_speed (line 3)"))
    assert all(word in speed for word in ("effect", "low and high", "safe"))


def test_what_is_left_out_is_named_by_line_and_column() -> None:
    unknown = import_map(DRIVE, "test.csv").unknown
    assert "line 9, column 'Register': left out: 'abc' is no address" in unknown
    assert any(line.startswith("line 10, column 'Data type': left out") for line in unknown)
    assert any(line.startswith("line 13, column 'Access': left out") for line in unknown)
    assert any("high word first was taken: power (line 5), power_2" in line for line in unknown)


def test_what_is_guessed_is_marked() -> None:
    text = import_map(DRIVE, "test.csv").text
    assert 'order = "ABCD"  # guessed' in text
    assert "length = 4  # guessed" in text


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_any_delimiter_will_do(delimiter: str) -> None:
    text = "name,address,type,scale\na,1,u16,0.5\n".replace(",", delimiter)
    assert imported(text).registers["a"].scale == 0.5


@pytest.mark.parametrize(
    "header",
    [
        "Signal;Modbus Address;Data Type;Function code",
        "Parameter name;Register no.;Format;FC",
        "TAG;Addr;DATATYPE;Object type",
        "Bezeichnung;Adresse;Datentyp;Funktion",
        "Register;Address (dec);Type [PLC];Register type",
    ],
)
def test_headers_have_many_names(header: str) -> None:
    one = imported(f"{header}\nx;7;uint16;04\n").registers["x"]
    assert (one.address, one.type, one.table) == (7, "u16", "input")


def test_a_column_of_types_may_name_tables() -> None:
    text = "name,address,type\na,1,Input Register\nb,1,Coil\n"
    found = imported(text).registers
    assert (found["a"].table, found["b"].table) == ("input", "coil")


def test_a_divisor_and_a_second_offset_column() -> None:
    one = imported("name;register;offset;divisor\na;3;-40;10\n").registers["a"]
    assert (one.address, one.offset, one.scale) == (3, -40, 0.1)


def test_an_offset_alone_is_the_address() -> None:
    assert imported("name,offset,type\na,12,u16\n").registers["a"].address == 12


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


# --- hostile ------------------------------------------------------------------------------------

KNOWN = " ".join([*HEADERS.values(), *TYPES.values(), *UCUM.values()]).split()
ODD = "40001 30002.3 00001 0x10 4x1 10-12 465536 65535 0-3 2 0 -1 RW /10 /1e-300 1e300 string[200]"
WORDS = st.sampled_from([*KNOWN, *ODD.split(), "\x7f", '"', "\ud83d", "\x00"])
CELLS = st.one_of(WORDS, st.text(max_size=8), st.integers(-5, 70000).map(str))
TABLES = st.lists(st.lists(CELLS, min_size=1, max_size=8), max_size=8)
HEADER = st.lists(st.sampled_from(sorted(HEADERS)), unique=True).map(lambda h: ["address", *h])


def outcome(text: str, **more: Any) -> None:
    try:
        draft = import_map(text, "test.csv", **more)
    except HandrailError:
        return
    found = loaded(draft)
    assert draft.registers == len(found.registers) > 0
    assert not any(one.writable for one in found.registers.values())


@given(st.text())
def test_any_text_is_a_map_or_an_error(text: str) -> None:
    outcome(text)


@given(HEADER, TABLES, st.sampled_from(",;\t"), st.integers(0, 1), st.sampled_from(Notation))
def test_any_table_is_a_map_or_an_error(
    header: list[str], rows: list[list[str]], delimiter: str, first: int, notation: Notation
) -> None:
    text = "\n".join(delimiter.join(cells) for cells in [header, *rows])
    outcome(text, first_address=first, notation=notation)


@given(st.binary())
def test_any_bytes_are_text(data: bytes) -> None:
    outcome(decoded(b"name,address\n" + data))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_spreadsheets_write_many_encodings(encoding: str) -> None:
    text = decoded("name;address;unit\nWärme;1;°C\n".encode(encoding))
    assert imported(text).registers["warme"].unit == "Cel"


@pytest.mark.parametrize("text", ["", "hello", "a,b\n1,2\n", "name,type\na,u16\n"])
def test_what_is_no_list_says_which_columns_it_needs(text: str) -> None:
    with pytest.raises(InvalidCell, match="header"):
        import_map(text, "test.csv")


# --- the command --------------------------------------------------------------------------------


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["modbus", "import", *arguments])


def test_the_command_writes_a_map_beside_the_list(tmp_path: Path) -> None:
    path = tmp_path / "drive.csv"
    path.write_text(DRIVE, encoding="cp1252")
    shown = run(str(path))
    assert shown.exit_code == 0
    assert "8 registers" in shown.stdout
    assert "motor_speed" in load_map(tmp_path / "drive.toml").registers
    assert isinstance(run(str(path)).exception, Refused)
    out = tmp_path / "other.toml"
    found = json.loads(run(str(path), "--out", str(out), "--json").stdout)
    assert (found["file"], found["registers"]) == (str(out), 8)
    assert found["unknown"]


def test_the_command_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert isinstance(run(str(tmp_path / "none.csv")).exception, InvalidRequest)
