"""Parts of the firmware as machine code of an 8-bit board, whose `unsigned` has 16 bits."""

from __future__ import annotations

import re
import subprocess
from math import isqrt
from pathlib import Path

import pytest
from virtual_board import CORE, FIRMWARE

PORT = FIRMWARE / "ports" / "avr"
HERE = Path(__file__).parent
HZ, MANY = 2_000_000, 300  # of ramp.c: ticks in a second, steps


def numbers(folder: Path, sources: list[Path], *flags: str) -> list[int]:
    """Run a program on simavr; return what it prints."""
    target = ["-mmcu=atmega328p", "-DF_CPU=16000000UL", "-ffunction-sections", "-Wl,--gc-sections"]
    compiler = ["avr-gcc", "-std=c11", "-O2", *target, *flags, f"-I{CORE}", f"-I{PORT}"]
    program = folder / "program.elf"
    subprocess.run([*compiler, *sources, "-o", program], check=True, timeout=60)
    simulator = ["simavr", "-m", "atmega328p", "-f", "16000000", program]
    done = subprocess.run(simulator, capture_output=True, text=True, timeout=60, check=True)
    return [int(number) for number in re.findall(r"(\d+)\.", done.stdout + done.stderr)]


@pytest.mark.parametrize("acceleration", [3200, 32_767, 32_768, 65_535])
@pytest.mark.parametrize("speed", [60_000, 1_000, 50, 7])
def test_it_accelerates_as_it_was_told_and_keeps_its_speed(
    tmp_path: Path, speed: int, acceleration: int
) -> None:
    """Also one that is faster after its first step than it ever may be, and never by a rounding."""
    sources = [HERE / "ramp.c", CORE / "stepper.c", CORE / "kinds.c"]
    told = f"-DSPEED={speed}u", f"-DACCELERATION={acceleration}u"
    *intervals, fewest = numbers(tmp_path, sources, *told)
    reached = [min(isqrt(2 * acceleration * n), speed) for n in range(1, MANY + 1)]
    most = max(1, speed**2 // (2 * acceleration))  # steps of its ramp
    assert intervals == [-(-HZ // reached[min(n, most) - 1]) for n in range(1, 9)]
    assert fewest == -(-HZ // reached[min(MANY, most) - 1])
    assert HZ / fewest <= speed


def test_a_conversion_that_does_not_end_is_told_and_its_old_value_is_no_reading(
    tmp_path: Path,
) -> None:
    failed, us = numbers(tmp_path, [HERE / "converter.c", PORT / "pulses.c"])
    assert failed == 1
    assert 200 <= us < 220, "hal.h promises 200 us"
