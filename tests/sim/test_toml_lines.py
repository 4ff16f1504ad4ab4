"""Lines of keys, checked against files whose lines are known because we wrote them."""

from __future__ import annotations

import tomllib

from handrail_sim.toml_lines import key_lines, nearest_key
from hypothesis import given
from hypothesis import strategies as st

bare = st.sampled_from(["a", "b-c", "d_e", "12", "-", "true", "F", "g", "h", "i"])
quoted = st.sampled_from(['"a b"', "'#c'", '"x.y"', '"\\"q"', '"]="', "'e\"'"])
keys = st.one_of(bare, quoted)
scalars = st.sampled_from(
    [
        *("1", "-2.5e3", "true", "nan", '"text # no comment"', "'lit]}='", '"\\\\"', '"a\\"b"'),
        *(
            '"""two\n = lines\\" ""x"""',
            "'''three\n[x]\nlines'''",
            '""""q"""',
            "2020-01-01 10:00:00",
        ),
    ]
)
comments = st.sampled_from(["", " # [x] = {", "\t#'"])
gaps = st.sampled_from(["", "\n", "# = comment\n", "  \n\n"])


def name_of(key: str) -> str:
    return next(iter(tomllib.loads(f"{key} = 0")))


@st.composite
def values(draw, depth=2):
    """Draw (text, lines inside relative to the value's start by path)."""
    kind = draw(st.sampled_from(["scalar", "array", "table"] if depth else ["scalar"]))
    if kind == "scalar":
        return draw(scalars), {}
    text, lines = "[" if kind == "array" else "{", {}
    seen: set[str] = set()
    for n in range(draw(st.integers(0, 3))):
        text += ", " if n else " "
        if kind == "array":
            text += draw(st.sampled_from(["", "\n", "# c\n"]))
            part: str | int = n
        else:
            key = draw(keys.filter(lambda key: name_of(key) not in seen))
            part = name_of(key)
            seen.add(part)
        at = text.count("\n")
        text += f"{key} = " if kind == "table" else ""
        inner, inner_lines = draw(values(depth=depth - 1))
        lines[(part,)] = at
        lines |= {(part, *path): at + line for path, line in inner_lines.items()}
        text += inner
    return text + ("]" if kind == "array" else "}"), lines


@st.composite
def documents(draw):
    """Draw a document and the line of each key in it."""
    text, expected = "", {}
    tops: set[str] = set()

    def pairs(prefix, seen):
        nonlocal text
        for _ in range(draw(st.integers(0, 3))):
            text += draw(gaps)
            parts = draw(st.lists(keys, min_size=1, max_size=3))
            names = [name_of(part) for part in parts]
            if names[0] in seen:
                continue
            seen.add(names[0])
            line = text.count("\n") + 1
            for end in range(1, len(names) + 1):
                expected[(*prefix, *names[:end])] = line
            value, inner = draw(values())
            text += " . ".join(parts) + draw(st.sampled_from(["=", " = "])) + value
            text += draw(comments) + "\n"
            for path, offset in inner.items():
                expected[(*prefix, *names, *path)] = line + offset

    pairs((), tops)
    for _ in range(draw(st.integers(0, 3))):
        key = draw(keys.filter(lambda key: name_of(key) not in tops))
        tops.add(name_of(key))
        count = draw(st.integers(0, 2))
        for index in range(count or 1):
            text += draw(gaps)
            line = text.count("\n") + 1
            expected.setdefault((name_of(key),), line)
            prefix = (name_of(key), index) if count else (name_of(key),)
            expected[prefix] = line
            text += (f"[[ {key} ]]" if count else f"[{key}]") + draw(comments) + "\n"
            pairs(prefix, set())
    return text, expected


@given(documents())
def test_every_key_is_found_on_its_line(document):
    text, expected = document
    tomllib.loads(text)
    assert key_lines(text) == expected


def test_tables_below_arrays_of_tables_belong_to_the_last_element():
    text = "[[a]]\nx = 1\n[[a]]\n[a.b]\ny = 2\n[[a.c]]\nz = 3\n"
    lines = key_lines(text)
    assert lines[("a", 1, "b", "y")] == 5
    assert lines[("a", 1, "c", 0, "z")] == 7
    assert lines[("a", 0, "x")] == 2


def test_line_ends_of_other_systems_count_once():
    assert key_lines("a = 1\r\n[b]\r\nc = [\r\n2]\r\n")[("b", "c", 0)] == 4


def test_a_missing_key_is_placed_at_its_table():
    lines = key_lines("x = 1\n\n[a.b]\ny = 2\n")
    assert nearest_key([lines], ("a", "b", "missing")) == (0, 3)
    assert nearest_key([lines], ("missing",)) == (0, 1)
