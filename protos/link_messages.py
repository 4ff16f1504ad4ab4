"""The firmware link's messages and enums, as ``handrail/v1/link.proto`` declares them."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from grpc_tools import protoc
from handrail.v1 import link_pb2  # may be older than the file: only its options count

ROOT = Path(__file__).parent
SOURCE = "handrail/v1/link.proto"
LETTERS = {(False, 1): "B", (False, 2): "H", (False, 4): "I"}
LETTERS |= {(True, octets): letter.lower() for (_, octets), letter in list(LETTERS.items())}


@dataclass(frozen=True)
class Field:
    """One field: its place in the message follows from those before it."""

    name: str
    octets: int
    signed: bool
    bytes: bool
    rest: bool
    text: str

    @property
    def letter(self) -> str:
        """Its format for the module struct."""
        return f"{self.octets}s" if self.bytes else LETTERS[self.signed, self.octets]

    @property
    def c_type(self) -> str:
        """Its type in C, without an array's size."""
        return "uint8_t" if self.bytes else f"{'' if self.signed else 'u'}int{8 * self.octets}_t"


@dataclass(frozen=True)
class Message:
    """One message."""

    name: str
    number: int
    fields: tuple[Field, ...]
    text: str

    @property
    def size(self) -> int:
        """Octets, the rest not counted."""
        return sum(field.octets for field in self.fields if not field.rest)


@dataclass(frozen=True)
class Values:
    """One enum; values as they are called without the enum's own name."""

    name: str
    values: tuple[tuple[str, int, str], ...]
    text: str


def described() -> FileDescriptorProto:
    """Return the descriptor of link.proto, with its comments."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        include = Path(protoc.__file__).parent / "_proto"
        flags = ["--include_source_info", f"--descriptor_set_out={out}"]
        if protoc.main(["protoc", f"-I{ROOT}", f"-I{include}", *flags, SOURCE]) != 0:
            sys.exit(1)
        return FileDescriptorSet.FromString(out.read_bytes()).file[0]


def messages(file: FileDescriptorProto) -> list[Message]:
    """Return the messages in their order."""
    texts = _texts(file)
    return [_message(message, texts, (4, place)) for place, message in enumerate(file.message_type)]


def enums(file: FileDescriptorProto) -> list[Values]:
    """Return the enums in their order."""
    texts = _texts(file)
    return [_values(one, texts, (5, place)) for place, one in enumerate(file.enum_type)]


def _message(
    message: DescriptorProto, texts: dict[tuple[int, ...], str], path: tuple[int, ...]
) -> Message:
    fields = []
    for place, field in enumerate(message.field):
        options = field.options.Extensions
        is_bytes = field.type == FieldDescriptorProto.TYPE_BYTES
        one = Field(
            name=field.name,
            octets=options[link_pb2.octets] or 4,
            signed=field.type == FieldDescriptorProto.TYPE_SINT32,
            bytes=is_bytes,
            rest=options[link_pb2.rest],
            text=texts.get((*path, 2, place), ""),
        )
        if not is_bytes and (one.signed, one.octets) not in LETTERS:
            sys.exit(f"{message.name}.{field.name}: a number has 1, 2 or 4 octets")
        fields.append(one)
    if any(field.rest for field in fields[:-1]):
        sys.exit(f"{message.name}: the rest is the last field")
    number = message.options.Extensions[link_pb2.number]
    return Message(message.name, number, tuple(fields), texts.get(path, ""))


def _values(
    enum: EnumDescriptorProto, texts: dict[tuple[int, ...], str], path: tuple[int, ...]
) -> Values:
    prefix = len(upper(enum.name)) + 1
    found = tuple(
        (value.name[prefix:], value.number, texts.get((*path, 2, place), ""))
        for place, value in enumerate(enum.value)
        if not value.name.endswith("_UNSPECIFIED")
    )
    return Values(enum.name, found, texts.get(path, ""))


def _texts(file: FileDescriptorProto) -> dict[tuple[int, ...], str]:
    """Return the comments before each part, by its path."""
    return {
        tuple(part.path): " ".join(part.leading_comments.split())
        for part in file.source_code_info.location
        if part.leading_comments
    }


def upper(name: str) -> str:
    """Return a name as macros are written: AskValue becomes ASK_VALUE."""
    return "".join(f"_{c}" if c.isupper() else c.upper() for c in name).lstrip("_")
