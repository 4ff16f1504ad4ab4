"""The input module as bytes in, bytes out: the maker's command set, and any bytes at all."""

from __future__ import annotations

import re

import pytest
from handrail_sim.twin.numato_wire import LONGEST, NumatoModule
from hypothesis import given
from hypothesis import strategies as st

INPUTS = {"stop": 0, "door": 5}
WORDS = ("gpio", "readall", "read", "iodir", "iomask", "writeall", "notify", "on", "off", "ver")


def said(module: NumatoModule, data: bytes) -> bytes:
    return b"".join(answer for _, answer, _ in module.exchanges(data, None))


@pytest.fixture
def module() -> NumatoModule:
    return NumatoModule(16, INPUTS)


def test_a_command_is_echoed_answered_and_ended_by_the_prompt(module: NumatoModule) -> None:
    assert said(module, b"gpio readall\r") == b"gpio readall\n\rFFFF\n\r>"
    assert said(module, b"id get\r") == b"id get\n\r00000000\n\r>"
    assert said(module, b"gpio iomask 0021\r") == b"gpio iomask 0021\n\r>"
    assert said(module, b"gpio notify off\r").endswith(b"gpio notify disabled\n\r>")
    assert said(module, b"\r") == b"\n\r>"


def test_a_pressed_button_opens_its_circuit(module: NumatoModule) -> None:
    module.press("door")
    assert said(module, b"gpio readall\r").endswith(b"\n\rFFDF\n\r>")
    assert said(module, b"gpio read 5\r").endswith(b"\n\r0\n\r>")
    module.release("door")
    assert said(module, b"gpio read 5\r").endswith(b"\n\r1\n\r>")


def test_directions_and_levels_change_where_the_mask_says(module: NumatoModule) -> None:
    said(module, b"gpio iomask 00FF\rgpio iodir 0000\rgpio writeall 000f\r")
    assert said(module, b"gpio readall\r").endswith(b"\n\rFF0F\n\r>")
    said(module, b"gpio iomask 0001\rgpio iodir ffff\r")
    module.press("stop")
    assert said(module, b"gpio readall\r").endswith(b"\n\rFF0E\n\r>")


@pytest.mark.parametrize(
    ("ports", "number", "known"),
    [(32, b"V", True), (16, b"G", False), (8, b"8", False), (64, b"63", True), (64, b"64", False)],
)
def test_channels_are_numbered_as_the_maker_numbers_them(
    ports: int, number: bytes, known: bool
) -> None:
    answer = said(NumatoModule(ports, INPUTS), b"gpio read " + number + b"\r")
    assert answer.endswith(b"\n\r1\n\r>") == known


def test_a_small_module_knows_no_notifications() -> None:
    assert said(NumatoModule(8, INPUTS), b"gpio notify off\r") == b"gpio notify off\n\r>"


def test_a_command_may_come_in_pieces(module: NumatoModule) -> None:
    assert said(module, b"gpio re") == b"gpio re"
    module.forget_partial()
    assert said(module, b"adall\r") == b"adall\n\rFFFF\n\r>"


@given(st.lists(st.binary(max_size=80), max_size=8), st.sampled_from((8, 16, 32, 64, 128)))
def test_any_bytes_are_borne(pieces: list[bytes], ports: int) -> None:
    module = NumatoModule(ports, INPUTS)
    answer = b"".join(said(module, piece) for piece in pieces)
    ends = b"".join(pieces).count(b"\r")
    assert answer.count(b"\n\r>") >= ends
    said(module, b"\r")
    assert said(module, b"gpio readall\r").startswith(b"gpio readall\n\r")
    assert len(module._line) <= LONGEST


@given(
    st.lists(st.lists(st.sampled_from((*WORDS, "0", "V", "ff", "0000", "FFFFFFFF")), max_size=4)),
    st.sampled_from((8, 16, 32)),
    st.sets(st.sampled_from(tuple(INPUTS))),
)
def test_whatever_was_said_before_levels_are_levels(
    commands: list[list[str]], ports: int, pressed: set[str]
) -> None:
    """An input that is pressed reads 0 once it is an input, whatever came before."""
    module = NumatoModule(ports, INPUTS)
    for name in pressed:
        module.press(name)
    for command in commands:
        said(module, " ".join(command).encode() + b"\r")
    whole = "f" * (ports // 4)
    said(module, f"gpio iomask {whole}\rgpio iodir {whole}\r".encode())
    answer = re.fullmatch(rb"gpio readall\n\r([0-9A-F]+)\n\r>", said(module, b"gpio readall\r"))
    assert answer is not None
    levels = int(answer[1], 16)
    assert {name for name, n in INPUTS.items() if not levels >> n & 1} == pressed
