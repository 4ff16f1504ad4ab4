"""All images build, and fit."""

from __future__ import annotations

import subprocess

import pytest
from virtual_board import FIRMWARE


def make(folder, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-C", str(FIRMWARE), f"BUILD={folder}", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=2400, check=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    done = make(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


def test_all_images_build_without_a_warning_and_sizes_are_told(built):
    folder, said = built
    assert {"desk-avr.hex", "desk-stm32f405.bin", "desk-host"} <= {
        one.name for one in folder.iterdir()
    }
    assert "ATmega328P: flash" in said


@pytest.mark.parametrize("limit", ["AVR_FLASH=6000", "AVR_RAM=500"])
def test_an_image_that_is_too_large_is_a_failure(built, limit):
    assert make(built[0], "sizes", limit).returncode != 0


@pytest.mark.parametrize(
    "port", sorted((FIRMWARE / "ports").glob("*/port.c")), ids=lambda port: port.parent.name
)
def test_a_port_stays_small(port):
    assert len(port.read_text().splitlines()) <= 300, "firmware/README promises so"
