"""The link's C header and Python codec are what link.proto generates, and agree."""

from __future__ import annotations

import struct
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from handrail.v1 import link_layout, link_pb2
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
COMMITTED = ("firmware/core/link.h", "protos/handrail/v1/link_layout.py")
RANGES = {
    "B": (0, 0xFF),
    "H": (0, 0xFFFF),
    "I": (0, 0xFFFF_FFFF),
    "b": (-128, 127),
    "i": (-(2**31), 2**31 - 1),
}


@pytest.fixture(scope="module")
def regenerated(tmp_path_factory):
    out = tmp_path_factory.mktemp("link")
    generator = ROOT / "protos" / "generate_link.py"
    subprocess.run([sys.executable, generator, out], check=True, timeout=60)
    return out


@pytest.mark.parametrize("path", COMMITTED)
def test_generated_link_has_not_drifted(regenerated, path):
    assert (regenerated / path).read_text() == (ROOT / path).read_text(), (
        f"{path} differs from what link.proto generates: run `make protos`"
    )


def test_every_message_has_a_number_of_its_own():
    assert len(link_layout.MESSAGES) == len(link_pb2.DESCRIPTOR.message_types_by_name)


def _parts(kind):
    """A strategy of the fields of a message."""
    letters = kind.LAYOUT.format[1:]
    found = []
    while letters:
        if letters[0].isdigit():
            size, _, letters = letters.partition("s")
            found.append(st.binary(min_size=int(size), max_size=int(size)))
        else:
            low, high = RANGES[letters[0]]
            found.append(st.integers(low, high))
            letters = letters[1:]
    if kind.REST:
        found.append(st.binary(max_size=kind.REST))
    return st.tuples(*found)


@pytest.mark.parametrize("kind", link_layout.MESSAGES.values(), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_what_is_packed_unpacks_to_the_same(kind, data):
    message = kind(*data.draw(_parts(kind)))
    packed = message.pack()
    assert packed[0] == kind.NUMBER
    assert kind.unpack(packed[1:]) == message


@pytest.mark.parametrize("kind", link_layout.MESSAGES.values(), ids=lambda kind: kind.__name__)
def test_another_length_is_no_such_message(kind):
    size = kind.LAYOUT.size
    with pytest.raises(ValueError, match=kind.__name__):
        kind.unpack(bytes(size - 1))
    with pytest.raises(ValueError, match=kind.__name__):
        kind.unpack(bytes(size + kind.REST + 1))


def test_a_number_that_does_not_fit_is_refused():
    with pytest.raises(struct.error):
        link_layout.Command(0x10000, 0, 0, 0).pack()


def test_c_sees_the_same_offsets(tmp_path):
    """The compiler places every field where the codec does."""
    lines = ["#include <stddef.h>", '#include "link.h"']
    for kind in link_layout.MESSAGES.values():
        name = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__)[1:]
        letters, at = kind.LAYOUT.format, 0
        for field, letter in zip(fields(kind), _letters(letters), strict=False):
            lines.append(f'_Static_assert(offsetof(hr_{name}, {field.name}) == {at}, "");')
            at += struct.calcsize(f"<{letter}")
        lines.append(f'_Static_assert(HR_{name.upper()} == {kind.NUMBER}, "");')
    source = tmp_path / "offsets.c"
    source.write_text("\n".join(lines) + "\n")
    include = f"-I{ROOT / 'firmware' / 'core'}"
    subprocess.run(["gcc", "-std=c11", include, "-fsyntax-only", source], check=True, timeout=30)


def _letters(form):
    rest = form[1:]
    while rest:
        if rest[0].isdigit():
            size, _, rest = rest.partition("s")
            yield f"{size}s"
        else:
            yield rest[0]
            rest = rest[1:]
