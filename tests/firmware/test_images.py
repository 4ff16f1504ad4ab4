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


PUSHER = 'HR_SERVO("pusher", "", {}, 1000, 2000, 1000, MOVE_AGE, "rad", HR_PLAIN)'
FAN = 'HR_PWM("fan", "", {}, 0, MOVE_AGE, HR_CHANNEL_EFFECT_CONFIGURE)'


def checked(row: str, port: str) -> str:
    """Return what the compiler says of an application with this row; nothing where it is good."""
    source = f'#include "parts.h"\nstatic hr_stepper state;\nconst hr_row row = {row};\n'
    include = [f"-I{FIRMWARE / folder}" for folder in ("core", "apps", f"ports/{port}")]
    command = ["gcc", "-std=c11", "-Wall", "-Wno-unused", *include, "-fsyntax-only", "-xc", "-"]
    done = subprocess.run(
        command, input=source, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stderr


@pytest.mark.parametrize(
    ("row", "port", "good", "bad"),
    [(PUSHER, "avr", 9, 3), (FAN, "avr", 3, 9), (FAN, "stm32f405", 22, 20)],
)
def test_pulses_on_a_pin_without_a_timer_do_not_compile(row, port, good, bad):
    """They would be a level, or of a length that nobody asked for, and be acknowledged."""
    assert checked(row.format(good), port) == ""
    assert "no timer for that" in checked(row.format(bad), port)


@pytest.mark.parametrize(("speed", "acceleration"), [(0, 3200), (1600, 0)])
def test_a_stepper_without_speed_or_acceleration_does_not_compile(speed, acceleration):
    row = 'HR_STEPPER("table", "", 7, 8, &state, 0, 99, {}, {}, MOVE_AGE, "rad", HR_PLAIN)'
    assert checked(row.format(1600, 3200), "host") == ""
    assert "a stepper has a" in checked(row.format(speed, acceleration), "host")


@pytest.mark.parametrize(
    "port", sorted((FIRMWARE / "ports").glob("*/port.c")), ids=lambda port: port.parent.name
)
def test_a_port_stays_small(port):
    assert len(port.read_text().splitlines()) <= 300, "firmware/README promises so"
