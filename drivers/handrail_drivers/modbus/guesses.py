"""What the words of a register may mean. Pure; all of it is guessed.

A float betrays itself: the word with its exponent is a large number, and few whole numbers are.
Everything smaller than a register could be anything, so nothing is said of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from handrail_drivers.modbus.codec import Value, decode, raw_number
from handrail_drivers.modbus.register_map import Kind, Order, Register

LEAST, MOST = 1e-3, 1e6  # magnitudes that a measured float usually has
WIDE = range(0x10000, 10**8)  # whole numbers that need two registers, and are no two values
NEGATIVE = range(-1000, 0)
ORDERS: tuple[Order, ...] = ("ABCD", "CDAB", "BADC", "DCBA")
NEGATIVE_WORD = 0xF000  # from here on a word is rather a small negative number
TEXT = 4  # registers of printable characters in a row that are rather text than numbers
MOST_TEXT = 32  # registers


@dataclass(frozen=True, slots=True)
class Guess:
    """One meaning of the words from an address on."""

    type: Kind
    count: int
    order: Order
    value: Value


def wide_guesses(words: Sequence[int]) -> Iterator[Guess]:
    """Yield what two words may be together, the likeliest first."""
    for order in ORDERS:
        value = _number(Kind.F32, order, words)
        if LEAST <= abs(value) <= MOST:
            yield Guess(Kind.F32, 2, order, _short(value))
    for order in ORDERS[:2]:
        if _number(Kind.U32, order, words) in WIDE:
            yield Guess(Kind.U32, 2, order, int(_number(Kind.U32, order, words)))
        if _number(Kind.I32, order, words) in NEGATIVE:
            yield Guess(Kind.I32, 2, order, int(_number(Kind.I32, order, words)))


def likely(cells: Mapping[int, int], most: int) -> dict[int, Guess]:
    """Return the likeliest reading of registers, by address; every one belongs to one guess.

    Floats are believed in the word order in which most of them turn up, where several have as
    many in the one in which they begin at even places. Whole numbers over two registers are never
    chosen: two values beside each other look the same. Nothing is longer than ``most`` registers.
    """
    ways = [_read_as(cells, order, most) for order in ORDERS]
    return max(ways, key=lambda way: _trust(cells, way))


def _trust(cells: Mapping[int, int], way: Mapping[int, Guess]) -> tuple[int, int]:
    """Return how many floats were found, and how many of them begin at even places."""
    floats = [address for address, guess in way.items() if guess.type is Kind.F32]
    starts: dict[int, int] = {}
    for address in sorted(cells):
        starts[address] = starts.get(address - 1, address)
    even = sum((address - starts[address]) % 2 == 0 for address in floats)
    return len(floats), even if len(floats) > 1 else 0  # a single one could be anywhere


def _read_as(cells: Mapping[int, int], order: Order, most: int) -> dict[int, Guess]:
    """Read from the left: text, floats of this order, single words."""
    found: dict[int, Guess] = {}
    at = -1
    for address in sorted(cells):
        if address < at:
            continue
        wide = _text(cells, address, most) or _float(cells, address, order) if most > 1 else None
        found[address] = wide or _word(cells[address])
        at = address + found[address].count
    return found


def _text(cells: Mapping[int, int], address: int, most: int) -> Guess | None:
    words: list[int] = []
    while len(words) < min(most, MOST_TEXT) and _is_text(cells.get(address + len(words))):
        words.append(cells[address + len(words)])
    if len(words) < TEXT or len(set(words)) == 1:
        return None
    it = Register(description="-", address=0, type=Kind.STRING, length=len(words))
    return Guess(Kind.STRING, len(words), "ABCD", decode("text", it, words))


def _is_text(word: int | None) -> bool:
    return word is not None and all(0x20 <= byte < 0x7F for byte in (word >> 8, word & 0xFF))


def _float(cells: Mapping[int, int], address: int, order: Order) -> Guess | None:
    words = [cells.get(address), cells.get(address + 1)]
    known = [word for word in words if word is not None]
    value = _number(Kind.F32, order, known) if len(known) == len(words) else 0.0
    if not LEAST <= abs(value) <= MOST:
        return None
    return Guess(Kind.F32, 2, order, _short(value))


def _word(word: int) -> Guess:
    negative = word >= NEGATIVE_WORD
    return Guess(
        Kind.I16 if negative else Kind.U16, 1, "ABCD", word - 0x10000 if negative else word
    )


def _number(kind: Kind, order: Order, words: Sequence[int]) -> float:
    """Return a number; 0 where it is none."""
    value = raw_number(Register(description="-", address=0, type=kind, order=order), words)
    return value if math.isfinite(value) else 0.0


def _short(value: float) -> float:
    """Return a 32-bit float without the digits that it does not have."""
    return float(f"{value:.7g}")
