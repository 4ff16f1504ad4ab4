"""A cell that runs: the twin's process and the bridge's, as a user would start them."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from handrail_bridge.client import Client
from handrail_bridge.client.operator_client import OperatorClient
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import CellState, Receipt
from handrail_bridge.rig import Rig
from handrail_drivers.errors import DeviceFault
from handrail_sim.twin.launch import Twin
from waiting import until

END = 20.0  # s
LINE_FAULTS = ("silent", "garble", "brownout")  # of a device on a Modbus line
SWEEP = 0.4  # rad/s, of the sweep's fastest


PATIENCE = (("late_reads = 10", "late_reads = 20"), ("silence = 0.05", "silence = 0.25"))
SELDOM = ("[cameras.overhead]", "[cameras.overhead]\nrate = 8")  # pictures cost a quarter of a core


def patient(folder: Path, *changes: tuple[str, str], cell: str = "desk") -> Path:
    """Write a cell's file as one that bears a machine which starves the twin now and then.

    ``changes``: what to replace in it besides, and with what.
    """
    text = (resources.files("handrail_sim") / "cells" / f"{cell}.toml").read_text()
    if "[loop]" not in text:  # it is its base's
        text += "\n".join(["\n[loop]", *(line for line, _ in PATIENCE)])
    if cell != "desk_watched":  # whose pictures stop the arm
        text = text.replace(*SELDOM)
    for line, instead in (*PATIENCE, *changes):
        assert line in text
        text = text.replace(line, instead)
    file = folder / f"patient_{cell}.toml"
    file.write_text(text)
    return file


class RunningCell(Rig):
    """The twin, and a patient bridge on its wires that can be ended and started again."""

    def agent(self) -> Client:
        return Client.connect(self.ready["address"])

    def operator(self) -> OperatorClient:
        return OperatorClient.connect(self.ready["operator_socket"])

    @contextlib.asynccontextmanager
    async def armed(self) -> AsyncIterator[Client]:
        """A client with the lease on an armed cell, whatever the test before left behind."""
        await self.arm()
        async with self.agent() as rail, rail.lease("test"):
            yield rail

    async def arm(self) -> None:
        """Arm it, after a reset where it needs one."""
        async with self.operator() as operator:
            deadline = time.monotonic() + END
            while (mode := (await operator.state()).mode) != Mode.ARMED:
                if mode in (Mode.MOVING, Mode.STOPPING):  # what the test before has cut off
                    await asyncio.sleep(0.02)
                    continue
                try:
                    await operator.reset()  # of devices too, which a restart finds in fault
                    await operator.arm()
                except DeviceFault:  # a machine too busy for the twin's pace; not for long
                    if time.monotonic() > deadline:
                        raise

    async def home(self) -> None:
        """Arm it and bring it home."""
        async with self.armed() as rail:
            assert (await rail.run({"steps": [{"tool": "arm_home"}]})).completed

    def joints(self) -> dict[str, float]:
        """True joint positions [rad]."""
        return {name: joint["position"] for name, joint in self.truth.snapshot()["joints"].items()}

    def moved_since(self, monotonic: float) -> float:
        """Largest true joint travel [rad] since a monotonic time [s]."""
        rows = self.truth.history(30.0)
        rows = rows[rows[:, 1] >= monotonic]
        return float(np.ptp(rows[:, 2:8], axis=0).max()) if len(rows) else 0.0

    def position(self, joint: str) -> float:
        """True position of a joint [rad, m]."""
        return float(self.truth.snapshot()["joints"][joint]["position"])

    def still_at(self, joint: str, position: float, within: float = 0.002) -> None:
        """See that a joint stays where it is, for a second of the world."""
        later = time.monotonic()
        until(lambda: self.truth.history(1.0)[0, 1] > later)
        assert abs(self.position(joint) - position) < within, "it moved by itself"

    def stands(self, seconds: float = 0.3) -> bool:
        """Whether the true arm has stood still for the last ``seconds``."""
        return bool(np.abs(self.truth.history(seconds)[:, 8:14]).max() < 0.02)


@contextlib.contextmanager
def twin_and_wires(*changes: tuple[str, str], cell: str = "desk") -> Iterator[RunningCell]:
    """Run the twin of a cell, alone; whatever bridge was started on it ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="hr-"))  # short: Unix socket paths are
    file = str(patient(folder, *changes, cell=cell))
    with Twin.start(file, seed=7) as twin:
        running = RunningCell(twin, folder, file)
        yield running
        if running.bridge is not None:
            assert running.down() == 0
        running.close()
    shutil.rmtree(folder)


class OnTheWay:
    """Does something once, when a joint has gone so far; to be told of states."""

    def __init__(
        self, cell: RunningCell, joint: str, way: float, act: Callable[[], object]
    ) -> None:
        self._cell, self._joint, self._way, self._act = cell, joint, way, act
        self._from = cell.position(joint)
        self.at = 0.0  # s, monotonic
        self.position = 0.0

    def __call__(self, _: CellState) -> None:
        position = self._cell.position(self._joint)
        if not self.at and abs(position - self._from) > self._way:
            self.at, self.position = time.monotonic(), position
            self._act()


def mended(cell: RunningCell, device: str) -> None:
    """End what was injected on a Modbus line; power that failed is back at once."""
    cell.truth.inject("speaking", device)
    cell.truth.inject("garble", device, 0)


async def sweep(
    rail: Client, cell: RunningCell, on_state: Callable[[CellState], None] | None = None
) -> Receipt:
    """Turn the base half a radian, slowly, to the side where it is not."""
    pan = 0.7 if cell.joints()["shoulder_pan"] > 0.95 else 1.2
    step: dict[str, Any] = {
        "tool": "arm_move_joints",
        "positions": {"shoulder_pan": pan},
        "speed": 0.15,
    }
    return await rail.run({"steps": [step]}, on_state)


async def midway(rail: Client, cell: RunningCell) -> asyncio.Task[Receipt]:
    """Begin a sweep; return it once a third of it has been played."""
    third = asyncio.Event()
    motion = asyncio.create_task(
        sweep(rail, cell, lambda state: third.set() if state.progress > 0.33 else None)
    )
    reached = asyncio.create_task(third.wait())
    await asyncio.wait({reached, motion}, return_when=asyncio.FIRST_COMPLETED)
    reached.cancel()
    assert third.is_set(), await motion  # one that ended before is a failure
    return motion


def assert_stood_at_once(cell: RunningCell, since: float, noticed: float = 0.0) -> None:
    """The true arm stands, and moved on by no more than a ramp after ``since`` [s].

    ``noticed``: s that it may go on before anybody can know.
    """
    until(cell.stands)
    assert 0 < cell.moved_since(since) < 0.15 + SWEEP * noticed
    later = time.monotonic()
    until(lambda: cell.truth.history(1.0)[0, 1] > later)
    assert cell.moved_since(later) < 0.002
