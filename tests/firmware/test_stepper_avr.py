"""A stepper's arithmetic as machine code of an 8-bit board, whose `unsigned` has 16 bits."""

from __future__ import annotations

import re
import subprocess
from math import isqrt
from pathlib import Path

import pytest
from virtual_board import CORE

HZ, SPEED = 2_000_000, 60_000  # of ramp.c: ticks in a second, steps in a second at most


def numbers(folder: Path, acceleration: int) -> list[int]:
    """Run ramp.c on simavr; return what it prints."""
    sources = [Path(__file__).with_name("ramp.c"), CORE / "stepper.c", CORE / "kinds.c"]
    target = ["-mmcu=atmega328p", "-DF_CPU=16000000UL", "-ffunction-sections", "-Wl,--gc-sections"]
    compiler = ["avr-gcc", "-std=c11", "-O2", *target, f"-DACCELERATION={acceleration}u"]
    program = folder / "ramp.elf"
    subprocess.run([*compiler, f"-I{CORE}", *sources, "-o", program], check=True, timeout=60)
    simulator = ["simavr", "-m", "atmega328p", "-f", "16000000", program]
    done = subprocess.run(simulator, capture_output=True, text=True, timeout=60, check=True)
    return [int(number) for number in re.findall(r"(\d+)\.", done.stdout + done.stderr)]


@pytest.mark.parametrize("acceleration", [3200, 32_767, 32_768, 65_535])
def test_it_accelerates_as_it_was_told(tmp_path: Path, acceleration: int) -> None:
    ramp_most, *intervals = numbers(tmp_path, acceleration)
    assert ramp_most == SPEED**2 // (2 * acceleration)
    assert intervals == [HZ // isqrt(2 * acceleration * n) for n in range(1, 9)]
