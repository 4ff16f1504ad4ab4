"""The fuzzer finds nothing in the core. In a folder of its own, to begin before all else."""

from __future__ import annotations

import subprocess

from virtual_board import FIRMWARE

SECONDS = 60  # FUZZ_SECONDS=1800 make fuzz: for longer


def test_fuzzing_finds_nothing(tmp_path):
    command = ["make", "-C", FIRMWARE, f"BUILD={tmp_path}", "fuzz", f"FUZZ_SECONDS={SECONDS}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-6000:]
