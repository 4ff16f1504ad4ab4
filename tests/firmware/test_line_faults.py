"""A line that flips, drops, repeats and invents octets makes no board do what nobody asked for."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from virtual_board import CORE, FIRMWARE

SOURCES = [CORE / f"{name}.c" for name in ("frame", "line", "board", "outputs", "streams")]
MILLION = 1_000_000


def build(out: Path, *flags: str) -> Path:
    include = [f"-I{CORE}", f"-I{FIRMWARE / 'ports' / 'host'}"]
    program = Path(__file__).parent / "corrupt.c"
    sources = [*SOURCES, FIRMWARE / "ports" / "host" / "port.c", program]
    subprocess.run(["gcc", "-std=c11", *flags, *include, *sources, "-o", out], check=True)
    return out


def counts(program: Path, frames: int, seed: int, kind: int = 99) -> dict[str, int]:
    """Run it; return what it counted. ``kind``: how frames are broken, in any way by default."""
    command = [program, str(frames), str(seed), str(kind)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    found = {name: int(n) for n, name in re.findall(r"(\d+) ([a-z ]+)", done.stdout)}
    assert found["wrong"] == 0, done.stdout
    assert found["twice"] == 0, done.stdout
    assert done.returncode == 0, done.stdout + done.stderr
    return found


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    return build(tmp_path_factory.mktemp("corrupt") / "corrupt", "-O2")


def test_no_wrong_command_in_a_million_broken_frames(fast):
    found = counts(fast, MILLION, 1)
    # What was sent whole was done, once: 1 of 100, less those whose frame was joined to a cut one.
    assert 5_000 < found["done"] < 30_000


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 22))
def test_no_wrong_command_in_twenty_million_more(fast, seed):
    counts(fast, MILLION, seed)


def test_the_parser_stays_within_its_memory(tmp_path):
    sanitized = build(
        tmp_path / "corrupt", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"
    )
    counts(sanitized, 50_000, 7)


def test_frames_that_pass_the_crc_by_chance_fail_their_guard(fast):
    """Why commands have a guard: one CRC-16 lets one broken frame of 65,536 pass."""
    assert counts(fast, MILLION, 1, kind=6)["bad guard"] > 5
