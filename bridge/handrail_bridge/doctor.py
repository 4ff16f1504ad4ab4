"""What a newcomer trips over on a machine, each with the command that mends it."""

from __future__ import annotations

import ctypes.util
import os
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil
from handrail_drivers.plugins import KINDS

from handrail_bridge.loop.realtime import FIFO_PRIORITY

FTDI_FASTEST = 1  # ms
GOOD_CLOCKS = ("tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page")
GL = ("EGL", "OSMesa")
OLDEST_PYTHON = (3, 11)
BAD_MUJOCO = "4.0.0"
LOCKED = 300_000_000  # bytes that a loop keeps from being paged out (docs/safety.md)
LIMITS = "/etc/security/limits.d/handrail.conf"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``remedy`` is a command, or empty where all is well."""

    check: str
    well: bool
    sentence: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """What is looked at; tests give another one.

    ``root`` is where the file system begins, ``may_use`` tells whether a port may be opened.
    """

    root: Path = Path("/")
    may_use: Callable[[Path], bool] = lambda path: os.access(path, os.R_OK | os.W_OK)
    processes: Callable[[], list[str]] = lambda: [one.name() for one in psutil.process_iter()]
    priority: Callable[[], int] = lambda: resource.getrlimit(resource.RLIMIT_RTPRIO)[0]
    lockable: Callable[[], int] = lambda: resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    is_root: bool = os.geteuid() == 0
    library: Callable[[str], str | None] = ctypes.util.find_library
    gl: str = os.environ.get("MUJOCO_GL", "")
    python: tuple[int, int] = sys.version_info[:2]
    mujoco: Callable[[], str] = lambda: version("mujoco")
    broken: Callable[[], dict[str, str]] = lambda: {
        f"{kind.kind} {name}": why for kind in KINDS for name, why in kind.broken().items()
    }


def examine(machine: Machine) -> list[Finding]:
    """Return what was found on a machine."""
    checks = (
        _ports,
        _modem_manager,
        _latency,
        _realtime,
        _memory,
        _gl,
        _clock,
        _versions,
        _plugins,
    )
    return [finding for check in checks for finding in check(machine)]


def _ports(machine: Machine) -> Iterator[Finding]:
    ports = [*machine.root.glob("dev/ttyUSB*"), *machine.root.glob("dev/ttyACM*")]
    if not ports:
        yield Finding("ports", True, "no serial port is plugged in")
    for port in sorted(ports):
        name = f"/{port.relative_to(machine.root)}"
        if machine.may_use(port):
            yield Finding("ports", True, f"{name} may be opened")
        else:
            remedy = 'sudo usermod -aG dialout "$USER"   # then log in again'
            yield Finding("ports", False, f"{name} may not be opened by you", remedy)


def _modem_manager(machine: Machine) -> Iterator[Finding]:
    if "ModemManager" in machine.processes():
        sentence = "ModemManager runs: it talks to every new serial port as if it were a modem"
        remedy = "sudo systemctl disable --now ModemManager"
        yield Finding("modem manager", False, sentence, remedy)
    else:
        yield Finding("modem manager", True, "no ModemManager runs")


def _latency(machine: Machine) -> Iterator[Finding]:
    for file in sorted(machine.root.glob("sys/bus/usb-serial/devices/*/latency_timer")):
        try:
            milliseconds = int(file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        name = file.parent.name
        if milliseconds > FTDI_FASTEST:
            remedy = f"echo {FTDI_FASTEST} | sudo tee /{file.relative_to(machine.root)}"
            sentence = f"{name} keeps bytes back for {milliseconds} ms: a loop needs {FTDI_FASTEST}"
            yield Finding("latency timer", False, sentence, remedy)
        else:
            yield Finding("latency timer", True, f"{name} hands bytes on within {milliseconds} ms")


def _realtime(machine: Machine) -> Iterator[Finding]:
    limit = machine.priority()
    if machine.is_root or limit == resource.RLIM_INFINITY or limit >= FIFO_PRIORITY:
        yield Finding("realtime", True, "the loop may run at a realtime priority")
        return
    remedy = (
        f'echo "$USER - rtprio {FIFO_PRIORITY + 10}" | sudo tee -a {LIMITS}   # then log in again'
    )
    sentence = f"you may ask for realtime priority {limit}, the loop wants {FIFO_PRIORITY}"
    yield Finding("realtime", False, sentence, remedy)


def _memory(machine: Machine) -> Iterator[Finding]:
    limit = machine.lockable()
    if machine.is_root or limit == resource.RLIM_INFINITY or limit >= LOCKED:
        yield Finding("locked memory", True, "the loop may keep its memory from being paged out")
        return
    remedy = f'echo "$USER - memlock 2097152" | sudo tee -a {LIMITS}   # then log in again'
    sentence = f"you may lock {limit / 1e6:.0f} MB of memory, a loop wants {LOCKED / 1e6:.0f}"
    yield Finding("locked memory", False, sentence, remedy)


def _gl(machine: Machine) -> Iterator[Finding]:
    present = [name for name in GL if machine.library(name)]
    if present:
        yield Finding("GL", True, f"pictures are rendered by {present[0]}")
        return
    sentence = "there is neither EGL nor OSMesa: the twin renders no pictures"
    sentence += f"; MUJOCO_GL is {machine.gl!r}" if machine.gl else ""
    yield Finding("GL", False, sentence, "sudo apt-get install -y libegl1 libegl-mesa0")


def _clock(machine: Machine) -> Iterator[Finding]:
    file = machine.root / "sys/devices/system/clocksource/clocksource0/current_clocksource"
    try:
        source = file.read_text(encoding="ascii").strip()
    except OSError:
        return
    if source in GOOD_CLOCKS:
        yield Finding("clock", True, f"the clock source is {source}")
    else:
        remedy = f"echo tsc | sudo tee /{file.relative_to(machine.root)}"
        sentence = f"the clock source is {source}: every look at the clock is slow"
        yield Finding("clock", False, sentence, remedy)


def _versions(machine: Machine) -> Iterator[Finding]:
    python = ".".join(map(str, machine.python))
    if machine.python < OLDEST_PYTHON:
        yield Finding(
            "versions", False, f"Python is {python}", "sudo apt-get install -y python3.11"
        )
    found = machine.mujoco()
    if found == BAD_MUJOCO:
        remedy = "pip install 'mujoco>=3.17,<4'"
        yield Finding("versions", False, f"MuJoCo {found} has a wrong sparse solver", remedy)
    if machine.python >= OLDEST_PYTHON and found != BAD_MUJOCO:
        yield Finding("versions", True, f"Python {python}, MuJoCo {found}")


def _plugins(machine: Machine) -> Iterator[Finding]:
    broken = machine.broken()
    for name, why in broken.items():
        yield Finding("plugins", False, f"the {name} is broken: {why}", "handrail plugins")
    if not broken:
        yield Finding("plugins", True, "every plugin can be used")
