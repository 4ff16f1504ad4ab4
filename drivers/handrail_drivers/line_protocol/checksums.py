"""The checksums that devices are known to use: sums, XOR, and the CRCs of the usual catalogue.

CRCs: Greg Cook's catalogue of parametrised CRC algorithms, by fastcrc.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import Any

from fastcrc import crc8, crc16, crc32

Checksum = Callable[[bytes], int]


def _crcs(module: Any, prefix: str) -> dict[str, tuple[int, Checksum]]:
    size = int(prefix[3:]) // 8
    return {
        f"{prefix}_{name}": (size, getattr(module, name))
        for name in sorted(module.algorithms_available)
    }


# Name: how many bytes it has, and how it is made. The simpler first: a guess takes the first.
CHECKSUMS: dict[str, tuple[int, Checksum]] = {
    "xor8": (1, lambda data: reduce(xor, data, 0)),
    "sum8": (1, lambda data: sum(data) & 0xFF),
    "negated_sum8": (1, lambda data: -sum(data) & 0xFF),
    "inverted_sum8": (1, lambda data: ~sum(data) & 0xFF),
    "sum16": (2, lambda data: sum(data) & 0xFFFF),
    **_crcs(crc8, "crc8"),
    **_crcs(crc16, "crc16"),
    **_crcs(crc32, "crc32"),
}
FORMS = ("HEX", "hex", "big", "little")


def written(name: str, form: str, data: bytes) -> bytes:
    """Return a checksum as it stands in a frame: two digits a byte, or the bytes themselves."""
    size, function = CHECKSUMS[name]
    value = function(data)
    if form in ("big", "little"):
        return value.to_bytes(size, "big" if form == "big" else "little")
    text = f"{value:0{2 * size}X}"
    return (text if form == "HEX" else text.lower()).encode()


def length(name: str, form: str) -> int:
    """Return how many bytes a checksum takes in a frame."""
    size, _ = CHECKSUMS[name]
    return size if form in ("big", "little") else 2 * size
