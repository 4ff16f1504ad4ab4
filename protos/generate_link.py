"""Generate the firmware link's C header and Python codec; `DIR` writes elsewhere instead.

Both come from the descriptor of ``handrail/v1/link.proto``, whose comments they carry.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from link_messages import ROOT, Message, Values, described, enums, messages, upper

HEADER = Path("firmware/core/link.h")
CODEC = Path("protos/handrail/v1/link_layout.py")
NOTE = "Made by protos/generate_link.py from link.proto; change that, then `make protos`."


# --- C ------------------------------------------------------------------------------------------


def header(found: list[Message], values: list[Values]) -> str:
    """Return the C header."""
    parts = [
        f"/* {NOTE} */",
        "#ifndef HANDRAIL_LINK_H",
        "#define HANDRAIL_LINK_H",
        "",
        "#include <stdint.h>",
        "",
        "#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__",
        '#error "the link\'s layout is little-endian, and so has the machine to be"',
        "#endif",
        "",
        *(line for one in values for line in _c_enum(one)),
        *(line for one in found for line in _c_struct(one)),
        f"#define HR_LONGEST_FROM_HOST {_longest(found, to_board=True)}u",
        f"#define HR_LONGEST_FROM_BOARD {_longest(found, to_board=False)}u",
        "",
        "#endif",
    ]
    return "\n".join(parts) + "\n"


def _longest(found: list[Message], *, to_board: bool) -> int:
    """Return the octets of the longest message of one way, its number included."""
    sizes = [
        sum(field.octets for field in one.fields) + 1
        for one in found
        if (one.number < 128) == to_board
    ]
    return max(sizes)


def _c_enum(one: Values) -> Iterator[str]:
    yield from _c_comment(one.text)
    yield "enum {"
    for name, number, text in one.values:
        yield from (f"  {line}" for line in _c_comment(text))
        yield f"  HR_{upper(one.name)}_{name} = {number},"
    yield "};"
    yield ""


def _c_struct(one: Message) -> Iterator[str]:
    name = upper(one.name).lower()
    yield f"#define HR_{upper(one.name)} {one.number}u"
    yield from _c_comment(one.text)
    yield "typedef struct __attribute__((packed)) {"
    for field in one.fields:
        yield from (f"  {line}" for line in _c_comment(field.text))
        size = f"[{field.octets}]" if field.bytes else ""
        yield f"  {field.c_type} {field.name}{size};"
    yield f"}} hr_{name};"
    size = sum(field.octets for field in one.fields)
    yield f'_Static_assert(sizeof(hr_{name}) == {size}, "layout of {one.name}");'
    yield ""


def _c_comment(text: str) -> Iterator[str]:
    if text:
        lines = textwrap.wrap(text, 90)
        yield from (
            f"{'/* ' if n == 0 else ' * '}{line}{' */' if n == len(lines) - 1 else ''}"
            for n, line in enumerate(lines)
        )


# --- Python -------------------------------------------------------------------------------------

PROLOGUE = f'''"""The firmware link's messages, in fixed little-endian layouts.

{NOTE}
"""

from __future__ import annotations

import struct
from dataclasses import astuple, dataclass
from enum import IntEnum
from typing import ClassVar, Self
'''

BASE = '''
class Message:
    """What all messages have."""

    NUMBER: ClassVar[int]
    LAYOUT: ClassVar[struct.Struct]
    REST: ClassVar[int] = 0

    def pack(self) -> bytes:
        """Return number and fields as they stand in a frame.

        Raises:
            struct.error: a number does not fit its field.
            ValueError: bytes are longer than their field.
        """
        parts = list(astuple(self))  # type: ignore[call-overload]  # every subclass is a dataclass
        rest = parts.pop() if self.REST else b""
        if len(rest) > self.REST:
            raise ValueError(f"{type(self).__name__} holds {self.REST} bytes at most")
        return bytes((self.NUMBER,)) + self.LAYOUT.pack(*parts) + rest

    @classmethod
    def unpack(cls, fields: bytes) -> Self:
        """Return the message of these fields, which stand after its number.

        Raises:
            ValueError: they are not as long as such a message is.
        """
        size = cls.LAYOUT.size
        if not size <= len(fields) <= size + cls.REST:
            raise ValueError(f"{cls.__name__} has {size} bytes, these are {len(fields)}")
        parts = cls.LAYOUT.unpack(fields[:size])
        return cls(*parts, fields[size:]) if cls.REST else cls(*parts)
'''


def codec(found: list[Message], values: list[Values]) -> str:
    """Return the Python module."""
    parts = [PROLOGUE, *map(_py_enum, values), BASE, *map(_py_class, found), _py_table(found)]
    return "\n".join(parts)


def _py_enum(one: Values) -> str:
    lines = [f"\nclass {one.name}(IntEnum):", *_py_doc(one.text), ""]
    for name, number, text in one.values:
        lines += [f"    # {line}" for line in textwrap.wrap(text, 90)]
        lines.append(f"    {name} = {number}")
    return "\n".join(lines) + "\n"


def _py_class(one: Message) -> str:
    letters = "".join(field.letter for field in one.fields if not field.rest)
    lines = ["\n@dataclass(frozen=True, slots=True)", f"class {one.name}(Message):"]
    lines += [*_py_doc(one.text), ""]
    lines.append(f"    NUMBER: ClassVar[int] = {one.number}")
    lines.append(f'    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<{letters}")')
    lines += [f"    REST: ClassVar[int] = {f.octets}" for f in one.fields if f.rest]
    lines.append("")
    for field in one.fields:
        lines += [f"    # {line}" for line in textwrap.wrap(field.text, 90)]
        lines.append(f"    {field.name}: {'bytes' if field.bytes else 'int'}")
    lines += ["", ""]
    lines.append(f"if {one.name}.LAYOUT.size != {one.size}:")
    lines.append(f'    raise ImportError("layout of {one.name}")')
    return "\n".join(lines) + "\n"


def _py_doc(text: str) -> list[str]:
    wrapped = textwrap.wrap(text, 90)
    if len(wrapped) == 1:
        return [f'    """{wrapped[0]}"""']
    first, _, rest = text.partition(". ")
    head = first if first.endswith(".") else f"{first}."
    tail = [f"    {line}" for line in textwrap.wrap(rest, 90)]
    return [f'    """{head}', "", *tail, '    """']


def _py_table(found: list[Message]) -> str:
    rows = [f"    {one.name}.NUMBER: {one.name}," for one in found]
    return "\n".join(["\nMESSAGES: dict[int, type[Message]] = {", *rows, "}", ""])


def main(out: Path) -> None:
    """Write both files under ``out`` as they stand in the repository."""
    file = described()
    found, values = messages(file), enums(file)
    for path, text in ((HEADER, header(found, values)), (CODEC, codec(found, values))):
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent)
