"""A register list as vendors and integrators hand it on: CSV of any delimiter and any header."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field

from handrail_drivers.errors import InvalidCell
from handrail_drivers.modbus.vocabulary import BLANK, HEADERS, header_words

DELIMITERS = (";", "\t", ",")
TITLES = 50  # rows above the header that a list may have
Cells = list[tuple[int, list[str]]]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file, from 1, and its cells by what they are; blank ones miss."""

    line: int
    cells: dict[str, str]

    def get(self, column: str) -> str:
        """Return a cell's text, empty where there is none."""
        return self.cells.get(column, "")


@dataclass(slots=True)
class RegisterList:
    """The rows of a list, how its columns are called there, and which of them are not used."""

    rows: list[Row] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    has_decimal_commas: bool = False


def decoded(data: bytes) -> str:
    """Return a file's text: UTF-8, UTF-16 with its mark, or what spreadsheets write else."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def read_list(text: str) -> RegisterList:
    """Return the rows below the header, wherever that stands.

    Raises:
        InvalidCell: no row of it is a header with an address, or it is no CSV.
    """
    best: tuple[int, Cells, int, str] | None = None
    for delimiter in DELIMITERS:
        cells = _cells(text, delimiter)
        for at, (_, row) in enumerate(cells[:TITLES]):
            columns = _columns(row)
            if "address" in columns and len(columns) > (best[0] if best else 1):
                best = len(columns), cells, at, delimiter
    if best is None:
        raise InvalidCell(
            "No row of this list is a header with an address and something else.",
            hint="name the columns: name, address, type, table, scale, offset, unit, access, "
            "min, max, description, order, length, bit",
        )
    return _below(*best[1:])


def _below(cells: Cells, at: int, delimiter: str) -> RegisterList:
    header = cells[at][1]
    columns = _columns(header)
    found = RegisterList(
        headers={column: header[n].strip() for column, n in columns.items()},
        unused=[
            cell.strip()
            for n, cell in enumerate(header)
            if cell.strip() and n not in columns.values()
        ],
        has_decimal_commas=delimiter != ",",
    )
    for line, row in cells[at + 1 :]:
        said = {column: row[n].strip() for column, n in columns.items() if n < len(row)}
        kept = {column: cell for column, cell in said.items() if cell.lower() not in BLANK}
        if kept and not row[0].lstrip().startswith("#"):
            found.rows.append(Row(line, kept))
    return found


def _cells(text: str, delimiter: str) -> Cells:
    """Return rows with the line on which each begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return list(_numbered(reader))


def _numbered(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    line = 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise InvalidCell(f"This is no CSV: line {line + 1}: {error}.") from error
        yield line + 1, row
        line = getattr(reader, "line_num", line)


def _columns(header: list[str]) -> dict[str, int]:
    """Return the place of each column that is known; a header is taken by one of them."""
    forms = [header_words(cell) for cell in header]
    found: dict[str, int] = {}
    for column, words in HEADERS.items():
        for word in words.split():
            places = [n for n, form in enumerate(forms) if word in form]
            free = [n for n in places if n not in found.values()]
            if free and column not in found:
                found[column] = min(free, key=lambda n: "hex" in header[n].lower())
    return found
