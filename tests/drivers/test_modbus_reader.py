"""What takes values out of answers is prepared once, and finds what ``decode`` finds."""

from __future__ import annotations

from typing import Any

import pytest
from handrail_drivers.errors import ModbusGarbled
from handrail_drivers.modbus.codec import decode, reader
from handrail_drivers.modbus.map_file import read_map
from handrail_drivers.modbus.register_map import Kind, Register
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = [kind for kind in Kind if kind not in (Kind.BOOL, Kind.STRING)]
KINDS: list[dict[str, Any]] = [
    *({"type": kind, "scale": scale} for kind in NUMBERS for scale in (1.0, 0.1)),
    *({"type": kind, "order": "CDAB"} for kind in NUMBERS if kind.registers > 1),
    {"type": "f32", "order": "BADC"},
    {"type": "i16", "scale": 0.1, "offset": -40.0},
    {"type": "u16", "bits": {"low": 3, "width": 5}},
    {"type": "u16", "choices": {"off": 0, "run": 5}},
    {"type": "bool", "bits": {"low": 15}},
    {"type": "string", "length": 3},
]


def register(**parts: Any) -> Register:
    one = {"description": "a value", "address": 0, **parts}
    return read_map({"registers": {"it": one}}, "test").registers["it"]


def outcome(what: Any, *arguments: Any) -> tuple[str, Any]:
    """A value, or the sentence with which it was refused."""
    try:
        return "value", what(*arguments)
    except ModbusGarbled as error:
        return "refused", error.message


@pytest.mark.parametrize("parts", KINDS)
@given(data=st.binary(min_size=16, max_size=16), at=st.integers(0, 4))
def test_what_was_prepared_reads_as_decode_does(
    parts: dict[str, Any], data: bytes, at: int
) -> None:
    it = register(**parts)
    words = [data[2 * n] << 8 | data[2 * n + 1] for n in range(at, at + it.count)]
    found = outcome(reader("it", it, at), bytes((3, 16)) + data)
    assert found == outcome(decode, "it", it, words)


@given(data=st.binary(min_size=3, max_size=3), at=st.integers(0, 23))
def test_a_bit_that_was_prepared_is_the_one_at_its_place(data: bytes, at: int) -> None:
    it = register(table="coil", type="bool")
    bits = "".join(f"{byte:08b}"[::-1] for byte in data)
    assert reader("it", it, at)(bytes((1, 3)) + data) is (bits[at] == "1")


def test_a_float_that_is_no_number_is_no_value_wherever_it_stands() -> None:
    with pytest.raises(ModbusGarbled, match="no number"):
        reader("it", register(type="f32"), 1)(bytes((3, 6, 0, 0, 0x7F, 0xC0, 0, 0)))
