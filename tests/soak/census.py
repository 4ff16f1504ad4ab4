"""What the processes of a cell hold at one moment: memory, descriptors, threads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
from running_cell import RunningCell

MIB = 1024  # kB
NAMES = {
    "handrail_bridge.loop.process": "loop",
    "handrail_bridge.loop.inputs": "button",
    "handrail_sim.twin.camera": "camera",
    "handrail_bridge.rail.check_process": "checker",
}


class Holding(NamedTuple):
    """One process: its id, MiB, and numbers of open descriptors and threads."""

    pid: int
    memory: float
    descriptors: int
    threads: int


def census(cell: RunningCell) -> dict[str, Holding]:
    """Count what every process of a running cell holds, by the process's name."""
    return {name: _holding(process) for name, process in _family(cell)}


def _family(cell: RunningCell) -> Iterator[tuple[str, psutil.Process]]:
    for name, pid in (("bridge", cell.process.pid), ("twin", cell.twin.pid)):
        parent = psutil.Process(pid)
        yield name, parent
        for child in parent.children(recursive=True):
            yield f"{name}'s {_name(child)}", child


def _name(process: psutil.Process) -> str:
    command = " ".join(process.cmdline())
    return next((name for part, name in NAMES.items() if part in command), command)


def _holding(process: psutil.Process) -> Holding:
    memory = _own_memory(process.pid)
    return Holding(process.pid, memory, process.num_fds(), process.num_threads())


def _own_memory(pid: int) -> float:
    """Return the proportional set size [MiB] without files.

    The share of a library's pages grows where another program that uses it ends.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {name: int(size.split()[0]) for name, size in (line.split(":") for line in lines)}
    return (sizes["Pss"] - sizes["Pss_File"] + sizes["SwapPss"]) / MIB
