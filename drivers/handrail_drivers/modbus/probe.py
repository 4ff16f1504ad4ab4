"""What a unit that nobody knows holds: which addresses, which values, which of them change.

Only reads are sent.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from handrail_drivers.errors import (
    InvalidValue,
    ModbusException,
    ModbusFault,
    ModbusGarbled,
    ModbusSilent,
)
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.read_only import ReadOnlyLine
from handrail_drivers.modbus.scan import NOBODY
from handrail_drivers.modbus.walk import Block, Walk

LAST = 999
MOST_ADDRESS = 0xFFFF
MOST_REGISTERS = 125
MOST_BITS = 2000
BUSY = 6
BUSY_TRIES = 3
PATIENCE = 8  # unanswered reads in a row after which a table is given up
PAUSE = 0.1  # s between two looks at everything
NO_FUNCTION = 1

Progress = Callable[[Table, int], None]
"""Called with the table and the address that comes next."""


@dataclass(slots=True)
class TableFound:
    """What can be read of one table.

    ``longest``: cells that were answered at once; ``is_limit``: more were refused for their
    number. ``refusals``: how often it refused, by reason. ``changed``: least and greatest raw
    value of cells that changed while they were watched. ``note``: why the search ended early.
    """

    table: Table
    blocks: list[Block] = field(default_factory=list)
    longest: int = 0
    is_limit: bool = False
    refusals: Counter[str] = field(default_factory=Counter)
    changed: dict[int, tuple[int, int]] = field(default_factory=dict)
    note: str = ""

    @property
    def cells(self) -> dict[int, int]:
        """Raw values by address, as they were read last."""
        return {
            block.address + n: cell for block in self.blocks for n, cell in enumerate(block.cells)
        }

    @property
    def runs(self) -> list[tuple[int, int]]:
        """First and last address of everything that is there without a gap."""
        found: list[tuple[int, int]] = []
        for block in self.blocks:
            joined = bool(found) and found[-1][1] + 1 == block.address
            first = found.pop()[0] if joined else block.address
            found.append((first, block.end - 1))
        return found


@dataclass(frozen=True, slots=True)
class Probe:
    """All that was found in a unit."""

    unit: int
    first: int
    last: int
    tables: tuple[TableFound, ...]
    requests: int
    seconds: float

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be read."""
        return not any(found.blocks for found in self.tables)


def probe(
    line: ReadOnlyLine,
    unit: int,
    tables: Sequence[Table] = tuple(Table),
    first: int = 0,
    last: int = LAST,
    watch: float = 0.0,
    progress: Progress = lambda *_: None,
) -> Probe:
    """Find which addresses of a unit can be read, and watch for ``watch`` [s] what changes.

    Raises:
        InvalidValue: the addresses are no range.
        ModbusSilent: the unit answers nothing at all.
        BusLost: the line cannot be opened.
    """
    if not 0 <= first <= last <= MOST_ADDRESS:
        raise InvalidValue(
            f"{first} to {last} are no addresses.", field="last", value=last, limit=MOST_ADDRESS
        )
    began = time.monotonic()
    _require_there(line, unit)
    found = [_Search(line, unit, table).run(first, last, progress) for table in tables]
    if watch > 0:
        _watch(line, unit, found, watch)
    return Probe(unit, first, last, tuple(found), line.requests, seconds=time.monotonic() - began)


def _require_there(line: ReadOnlyLine, unit: int) -> None:
    """Ask for anything: whatever the unit answers, it is there."""
    try:
        line.ask(frames.read(unit, Table.HOLDING, 0, 1))
    except ModbusException as error:
        if error.value in NOBODY:
            raise ModbusSilent(
                f"The gateway says that unit {unit} is not there: {error.message}", value=unit
            ) from error
    except ModbusGarbled:
        return


class _GivenUp(Exception):
    """The rest of this table is left alone."""


class _Search:
    """Looks through one table of a unit."""

    def __init__(self, line: ReadOnlyLine, unit: int, table: Table) -> None:
        self._line, self._unit = line, unit
        self._found = TableFound(table)
        self._unanswered = 0
        self._answered = False

    def run(self, first: int, last: int, progress: Progress) -> TableFound:
        """Return what is there between two addresses."""
        found, bits = self._found, self._found.table.is_bits
        most = MOST_BITS if bits else MOST_REGISTERS
        walk = Walk(self._read, first, last, most, pairs=not bits)
        progress(found.table, first)
        try:
            for at in walk.steps():
                progress(found.table, at)
        except _GivenUp as why:
            found.note = str(why)
        found.blocks, found.longest = walk.blocks, walk.longest
        found.is_limit = walk.limit == found.longest or found.longest == most
        return found

    def _read(self, address: int, count: int) -> tuple[int, ...] | None:
        for _ in range(BUSY_TRIES):
            try:
                cells = read_cells(self._line, self._unit, self._found.table, address, count)
            except ModbusException as error:
                if self._may_try_again(error, address):
                    continue
                return None
            except ModbusFault as error:
                self._count(error.code, address)
                return None
            self._unanswered, self._answered = 0, True
            return cells
        return None

    def _may_try_again(self, error: ModbusException, address: int) -> bool:
        """Count a refusal; tell whether the device was only busy."""
        code = error.value if isinstance(error.value, int) else 0
        reason = frames.EXCEPTIONS.get(code, f"exception {code}")
        if code in NOBODY:
            self._count(reason, address)
            return False
        self._unanswered = 0
        self._found.refusals[reason] += 1
        if code == NO_FUNCTION and not self._answered:
            raise _GivenUp("the unit has no such table")
        return code == BUSY

    def _count(self, reason: str, address: int) -> None:
        self._found.refusals[reason] += 1
        self._unanswered += 1
        if self._unanswered >= PATIENCE:
            raise _GivenUp(
                f"{PATIENCE} reads in a row were not answered, the last at {address}; what "
                "follows was not looked at"
            )


def read_cells(
    line: ReadOnlyLine, unit: int, table: Table, address: int, count: int
) -> tuple[int, ...]:
    """Return registers or bits as they are now.

    Raises:
        ModbusFault: they cannot be read.
        BusLost: the line cannot be opened.
    """
    answer = line.ask(frames.read(unit, table, address, count))
    return frames.bits(answer, count) if table.is_bits else frames.words(answer)


def _watch(line: ReadOnlyLine, unit: int, tables: Sequence[TableFound], seconds: float) -> None:
    """Read everything again and again, at least once, and note what changes."""
    end = time.monotonic() + seconds
    while True:
        for found in tables:
            found.blocks = [_again(line, unit, found, block) for block in found.blocks]
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(PAUSE, left))  # a device has other things to do


def _again(line: ReadOnlyLine, unit: int, found: TableFound, block: Block) -> Block:
    try:
        cells = read_cells(line, unit, found.table, block.address, len(block.cells))
    except ModbusFault:
        return block
    for address, (old, new) in enumerate(zip(block.cells, cells, strict=True), block.address):
        if old != new:
            least, most = found.changed.get(address, (old, old))
            found.changed[address] = (min(least, new), max(most, new))
    return Block(block.address, cells)
