"""The fuzzer finds nothing in the core. In a folder of its own, to begin before all else."""

from __future__ import annotations

import subprocess

import pytest
from virtual_board import FIRMWARE


@pytest.mark.parametrize(
    "seconds", [60, pytest.param(1800, marks=[pytest.mark.long, pytest.mark.timeout(3000)])]
)
def test_fuzzing_finds_nothing(tmp_path, seconds):
    command = ["make", "-C", FIRMWARE, f"BUILD={tmp_path}", "fuzz", f"FUZZ_SECONDS={seconds}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2400, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
