"""Which addresses of a table can be read, in few requests. Pure: it is given what reads.

A device answers a block only where all of it is there, and only up to a length. So every address
that is missing costs a request of its own, whatever the order (a refused block does not tell which
of its addresses is to blame), and one that is there costs hardly any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Read = Callable[[int, int], Sequence[int] | None]
"""Reads ``count`` cells from an address on; None: refused."""


@dataclass(frozen=True, slots=True)
class Block:
    """Cells that were answered at once."""

    address: int
    cells: tuple[int, ...]

    @property
    def end(self) -> int:
        """The address after its last."""
        return self.address + len(self.cells)


class Walk:
    """Goes through a table from the left, in blocks as long as the device answers.

    Some devices answer a value of two registers only as a whole. Where one register is refused,
    two are tried: until single ones are known to be answered, wherever a block has just ended, and
    everywhere once that has found something. Values of four registers that are only answered whole
    are not found.

    Args:
        read: reads a block.
        first, last: addresses, both within.
        most: cells that a request may ask for.
        pairs: whether values of two cells may have to be read whole.
    """

    def __init__(self, read: Read, first: int, last: int, most: int, pairs: bool) -> None:
        self.blocks: list[Block] = []
        self.limit: int | None = None  # cells that it answers at once, where more were refused
        self._read, self._at, self._end = read, first, last + 1
        self._most = most
        self._has_pairs = pairs
        self._only_pairs = self._singles = False

    @property
    def longest(self) -> int:
        """Cells of the longest block that was answered."""
        return max((len(block.cells) for block in self.blocks), default=0)

    def steps(self) -> Iterator[int]:
        """Go on to the end; yield the address that comes next."""
        goes_on = True  # as far as is known, nothing is missing here
        while self._at < self._end:
            most = self._whole
            cells = self._take(most) if goes_on else None
            cells = cells or self._search(refused=most if goes_on else 0)
            goes_on = len(cells) == self._whole
            if cells:
                self.blocks.append(Block(self._at, cells))
            self._at += len(cells) or 1
            yield self._at

    @property
    def _whole(self) -> int:
        """Cells that a request may ask for here."""
        return min(self._most, self._end - self._at)

    def _take(self, count: int, back: int = 0) -> tuple[int, ...]:
        return tuple(self._read(self._at - back, count) or ())

    def _search(self, refused: int) -> tuple[int, ...]:
        """Return the longest block from here on where so many were refused; none: a hole."""
        after = bool(self.blocks) and self.blocks[-1].end == self._at
        cells = self._smallest(after)
        if cells and after and self._is_limited(len(self.blocks[-1].cells), len(cells)):
            self._most = self.limit = len(self.blocks[-1].cells)
        if len(cells) in (0, self._whole):
            return cells
        if refused != self._whole and (whole := self._take(self._whole)):
            return whole
        return self._bisect(cells, self._whole)

    def _is_limited(self, last: int, more: int) -> bool:
        """Tell whether the last block ended for its length: as many are answered further on."""
        return last < self._most and bool(self._take(last, back=last - more))

    def _smallest(self, after: bool) -> tuple[int, ...]:
        """Return one cell, or two where they may only be answered together."""
        if cells := self._take(1):
            self._singles = True
            return cells
        seek = self._only_pairs or after or not self._singles
        if not (self._has_pairs and seek and self._whole > 1):
            return ()
        cells = self._take(2)
        self._only_pairs |= bool(cells)
        return cells

    def _bisect(self, cells: tuple[int, ...], refused: int) -> tuple[int, ...]:
        """Return the longest block between one that is answered and a length that is refused."""
        step = len(cells)
        while refused - len(cells) > step:
            middle = len(cells) + max(step, (refused - len(cells)) // 2 // step * step)
            if longer := self._take(middle):
                cells = longer
            else:
                refused = middle
        return cells
