"""A stepper's arithmetic as machine code of an 8-bit board, whose `unsigned` has 16 bits."""

from __future__ import annotations

import re
import subprocess
from math import isqrt
from pathlib import Path

import pytest
from virtual_board import CORE

HZ, MANY = 2_000_000, 300  # of ramp.c: ticks in a second, steps


def numbers(folder: Path, speed: int, acceleration: int) -> list[int]:
    """Run ramp.c on simavr; return what it prints."""
    sources = [Path(__file__).with_name("ramp.c"), CORE / "stepper.c", CORE / "kinds.c"]
    target = ["-mmcu=atmega328p", "-DF_CPU=16000000UL", "-ffunction-sections", "-Wl,--gc-sections"]
    told = [f"-DSPEED={speed}u", f"-DACCELERATION={acceleration}u"]
    compiler = ["avr-gcc", "-std=c11", "-O2", *target, *told]
    program = folder / "ramp.elf"
    subprocess.run([*compiler, f"-I{CORE}", *sources, "-o", program], check=True, timeout=60)
    simulator = ["simavr", "-m", "atmega328p", "-f", "16000000", program]
    done = subprocess.run(simulator, capture_output=True, text=True, timeout=60, check=True)
    return [int(number) for number in re.findall(r"(\d+)\.", done.stdout + done.stderr)]


@pytest.mark.parametrize("acceleration", [3200, 32_767, 32_768, 65_535])
@pytest.mark.parametrize("speed", [60_000, 1_000, 50, 7])
def test_it_accelerates_as_it_was_told_and_keeps_its_speed(
    tmp_path: Path, speed: int, acceleration: int
) -> None:
    """Also one that is faster after its first step than it ever may be, and never by a rounding."""
    *intervals, fewest = numbers(tmp_path, speed, acceleration)
    reached = [min(isqrt(2 * acceleration * n), speed) for n in range(1, MANY + 1)]
    most = max(1, speed**2 // (2 * acceleration))  # steps of its ramp
    assert intervals == [-(-HZ // reached[min(n, most) - 1]) for n in range(1, 9)]
    assert fewest == -(-HZ // reached[min(MANY, most) - 1])
    assert HZ / fewest <= speed
