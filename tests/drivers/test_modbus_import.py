"""A vendor's register list becomes a map that loads, or an error that says why it cannot."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from handrail_bridge.cli.main import app
from handrail_drivers.errors import HandrailError, InvalidCell, InvalidRequest, Refused
from handrail_drivers.modbus.map_draft import MapDraft
from handrail_drivers.modbus.map_file import load_map, read_map
from handrail_drivers.modbus.map_import import import_map
from handrail_drivers.modbus.places import Notation
from handrail_drivers.modbus.register_list import decoded
from handrail_drivers.modbus.register_map import RegisterMap
from handrail_drivers.modbus.vocabulary import HEADERS, TYPES, UCUM
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
