"""What a newcomer trips over is found, and the command that mends it is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from handrail_bridge.doctor import Machine, examine

HANDRAIL = Path(sys.executable).with_name("handrail")
LATENCY = "sys/bus/usb-serial/devices/ttyUSB0/latency_timer"
CLOCK = "sys/devices/system/clocksource/clocksource0/current_clocksource"


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.fixture
def healthy(tmp_path):
    put(tmp_path, "dev/ttyUSB0", "")
    put(tmp_path, LATENCY, "1\n")
    put(tmp_path, CLOCK, "tsc\n")

    def machine(**changes):
        well = {
            "root": tmp_path,
            "may_use": lambda _: True,
            "processes": lambda: ["systemd", "bash"],
            "priority": lambda: 90,
            "lockable": lambda: 1 << 31,
            "is_root": False,
            "library": lambda name: "libEGL.so.1" if name == "EGL" else None,
            "gl": "",
            "python": (3, 12),
            "mujoco": lambda: "3.17.0",
            "broken": dict,
        }
        return Machine(**{**well, **changes})

    return machine


def test_all_is_well_on_a_machine_in_order(healthy):
    assert [one for one in examine(healthy()) if not one.well] == []
    assert {one.check for one in examine(healthy())} >= {"ports", "realtime", "GL", "clock"}


@pytest.mark.parametrize(
    ("changes", "check", "says", "remedy"),
    [
        ({"may_use": lambda _: False}, "ports", "/dev/ttyUSB0 may not be", "usermod -aG dialout"),
        ({"processes": lambda: ["ModemManager"]}, "modem manager", "modem", "disable --now Modem"),
        ({"priority": lambda: 0}, "realtime", "the loop wants 60", "limits.d/handrail.conf"),
        ({"lockable": lambda: 8_000_000}, "locked memory", "a loop wants 300", "memlock 2097152"),
        ({"library": lambda _: None, "gl": "egl"}, "GL", "MUJOCO_GL is 'egl'", "libegl"),
        ({"python": (3, 10)}, "versions", "Python is 3.10", "python3.11"),
        ({"mujoco": lambda: "4.0.0"}, "versions", "wrong sparse solver", "mujoco>=3.17,<4"),
        ({"broken": lambda: {"driver lamp": "no"}}, "plugins", "driver lamp", "handrail plugins"),
    ],
)
def test_what_is_wrong_has_the_command_that_mends_it(healthy, changes, check, says, remedy):
    (finding,) = [one for one in examine(healthy(**changes)) if not one.well]
    assert finding.check == check
    assert says in finding.sentence
    assert remedy in finding.remedy


@pytest.mark.parametrize(
    ("path", "text", "says", "remedy"),
    [
        (LATENCY, "16\n", "for 16 ms", f"echo 1 | sudo tee /{LATENCY}"),
        (CLOCK, "hpet\n", "is hpet", f"echo tsc | sudo tee /{CLOCK}"),
    ],
)
def test_what_the_kernel_is_set_to(healthy, tmp_path, path, text, says, remedy):
    put(tmp_path, path, text)
    (finding,) = [one for one in examine(healthy()) if not one.well]
    assert says in finding.sentence
    assert finding.remedy == remedy


def test_the_command_says_what_this_machine_has():
    done = subprocess.run([HANDRAIL, "doctor", "--json"], capture_output=True, timeout=60)
    found = json.loads(done.stdout)
    assert done.returncode == (0 if all(one["well"] for one in found) else 1)
    assert all(one["well"] or one["remedy"] for one in found)


def test_a_port_that_cannot_be_opened_is_one_finding_more():
    command = [HANDRAIL, "doctor", "--port", "/dev/not_there", "--json"]
    done = subprocess.run(command, capture_output=True, timeout=60)
    *others, last = json.loads(done.stdout)
    assert done.returncode == 1
    assert {one["check"] for one in others} >= {"ports", "realtime", "GL"}
    assert last["sentence"] == "There is no port /dev/not_there."
    assert last["remedy"]
