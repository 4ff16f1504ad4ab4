"""Where in a TOML text each key stands: ``tomllib`` gives values without lines.

Works on text that ``tomllib`` has accepted, so it only finds keys and steps over values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence

KeyPath = tuple[str | int, ...]


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) on which each key, table and array element first appears.

    Args:
        text: a document that ``tomllib.loads`` accepts.
    """
    return _Scanner(text.replace("\r\n", "\n")).scan()


def nearest_key(texts: Sequence[dict[KeyPath, int]], path: KeyPath) -> tuple[int, int]:
    """Return in which text a key is, or the innermost table around it, and on which line.

    Args:
        texts: the lines of each text's keys; where two have it, the first counts.
        path: of the key.
    """
    for end in range(len(path), 0, -1):
        for number, lines in enumerate(texts):
            if path[:end] in lines:
                return number, lines[path[:end]]
    return 0, 1


class _Scanner:
    """One pass over the text; ``at`` is the position of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self.last_index: dict[KeyPath, int] = {}  # arrays of tables: index of the open element

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        self._skip_blank()
        while self.at < len(self.text):
            if self._take("[["):
                table = self._array_header()
            elif self._take("["):
                table = self._note((), self._key(), in_arrays=True)
                self._expect("]")
            else:
                self._pair(table)
            self._skip_blank()
        return self.lines

    def _array_header(self) -> KeyPath:
        path = self._note((), self._key(), in_arrays=True, element=True)
        self._expect("]")
        self._expect("]")
        return path

    def _pair(self, table: KeyPath) -> None:
        path = self._note(table, self._key())
        self._expect("=")
        self._value(path)

    def _note(
        self, table: KeyPath, parts: list[str], in_arrays: bool = False, element: bool = False
    ) -> KeyPath:
        """Remember this line for every prefix of the key, and return its whole path."""
        line = self.text.count("\n", 0, self.at) + 1
        path = table
        for number, part in enumerate(parts, 1):
            path = (*path, part)
            self.lines.setdefault(path, line)
            if element and number == len(parts):
                self.last_index[path] = self.last_index.get(path, -1) + 1
            if in_arrays and path in self.last_index:
                path = (*path, self.last_index[path])
                self.lines.setdefault(path, line)
        return path

    def _key(self) -> list[str]:
        """Read a dotted key; quoted parts may hold anything."""
        parts = []
        while True:
            self._skip_space()
            start = self.at
            if self.text[self.at] in "\"'":
                self._string()
                parts.append(_unquote(self.text[start : self.at]))
            else:
                self._skip_until(" \t.=]")
                parts.append(self.text[start : self.at])
            self._skip_space()
            if not self._take("."):
                return parts

    def _value(self, path: KeyPath) -> None:
        self._skip_blank()
        if self.text[self.at] in "\"'":
            self._string()
        elif self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline_table(path)
        else:
            self._skip_until(",]}\n#")

    def _array(self, path: KeyPath) -> None:
        index = 0
        self._skip_blank()
        while not self._take("]"):
            item = (*path, index)
            self.lines.setdefault(item, self.text.count("\n", 0, self.at) + 1)
            self._value(item)
            index += 1
            self._skip_blank()
            self._take(",")
            self._skip_blank()

    def _inline_table(self, path: KeyPath) -> None:
        self._skip_blank()
        while not self._take("}"):
            self._pair(path)
            self._skip_blank()
            self._take(",")
            self._skip_blank()

    def _string(self) -> None:
        quote = self.text[self.at]
        mark = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self.at += len(mark)
        while not self.text.startswith(mark, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(mark)
        while len(mark) == 3 and self.text.startswith(quote, self.at):
            self.at += 1  # a multi-line string may end in one or two quotes of its own

    def _take(self, mark: str) -> bool:
        if not self.text.startswith(mark, self.at):
            return False
        self.at += len(mark)
        return True

    def _expect(self, mark: str) -> None:
        self._skip_space()
        if not self._take(mark):
            raise AssertionError(f"{mark!r} expected at {self.at}: tomllib accepted other text")

    def _skip_space(self) -> None:
        while self.text[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1

    def _skip_until(self, stops: str) -> None:
        while self.at < len(self.text) and self.text[self.at] not in stops:
            self.at += 1

    def _skip_blank(self) -> None:
        """Step over white space, line ends and comments."""
        while self.at < len(self.text) and self.text[self.at] in " \t\n#":
            if self.text[self.at] == "#":
                self._skip_until("\n")
            else:
                self.at += 1


def _unquote(quoted: str) -> str:
    name: str = next(iter(tomllib.loads(f"{quoted} = 0")))
    return name
