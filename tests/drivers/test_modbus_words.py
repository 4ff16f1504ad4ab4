"""Fields of bits, texts and long numbers: what is written is what is read."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from handrail_drivers.errors import InvalidValue
from handrail_drivers.modbus.codec import decode, encode, reader
from handrail_drivers.modbus.map_file import read_map


@pytest.mark.parametrize(
    ("parts", "words", "value"),
    [
        ({"bits": {"low": 0}, "type": "bool", "order": "BADC"}, [0x0100], True),
        ({"bits": {"low": 0}, "type": "bool", "order": "BADC"}, [0x0001], False),
        ({"bits": {"low": 8, "width": 4}, "order": "BADC"}, [0x0005], 5),
        ({"bits": {"low": 14, "width": 4}, "type": "u32"}, [0x0002, 0x4000], 9),
        ({"bits": {"low": 14, "width": 4}, "type": "u32", "order": "CDAB"}, [0x4000, 0x0002], 9),
        ({"type": "string", "length": 2}, [0x4142, 0x4300], "ABC"),
        ({"type": "string", "length": 2, "order": "BADC"}, [0x4241, 0x0043], "ABC"),
        ({"type": "u64"}, [0x0020, 0, 0, 1], 2**53 + 1),
    ],
)
def test_what_is_written_is_what_is_read(
    parts: dict[str, Any], words: list[int], value: Any
) -> None:
    one = read_map(
        {"registers": {"it": {"description": "It.", "address": 0, "effect": "configure", **parts}}},
        "it",
    ).registers["it"]
    assert decode("it", one, words) == value
    assert reader("it", one, 0)(bytes(2) + struct.pack(f">{len(words)}H", *words)) == value
    assert encode("it", one, value, words) == words
    assert decode("it", one, encode("it", one, value, [0] * len(words))) == value


def test_a_text_that_does_not_fit_is_refused() -> None:
    parts = {"description": "It.", "address": 0, "effect": "configure", "type": "string"}
    one = read_map({"registers": {"it": {**parts, "length": 2}}}, "it").registers["it"]
    for value in ("ABCDE", "\u00e4", 5, "a\0b"):
        with pytest.raises(InvalidValue):
            encode("it", one, value)
