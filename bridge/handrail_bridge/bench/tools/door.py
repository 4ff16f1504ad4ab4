"""The bridge's server without an arm behind it: ``python -m ... FOLDER PARENT``, until ended.

Prints its address. Its state is the desk's, computed as the bridge computes it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvloop
from handrail_sim.cell_file import cell_digest, load_cell
from handrail_sim.lifeline import die_with

from handrail_bridge.bench.tools import instrument
from handrail_bridge.loop.state import LoopState, Mode
from handrail_bridge.mailbox import Mailbox
from handrail_bridge.rail.measured import Measured
from handrail_bridge.reports import CellState
from handrail_bridge.server.server import Server
from handrail_bridge.server.service import RailService


class Standing:
    """What of a rail is asked here: a cell and its state."""

    def __init__(self) -> None:
        self.cell = load_cell("desk")
        self.situation = SimpleNamespace(digest=cell_digest(self.cell))
        self._measured = Measured(self.cell)
        home = tuple(self.cell.arm.home[name] for name in self.cell.arm.all_joints)
        nothing, on = (0.0,) * len(home), (True,) * len(home)
        self._loop = LoopState(
            mode=Mode.ARMED,
            position=home,
            velocity=nothing,
            effort=nothing,
            setpoint=home,
            temperature=nothing,
            voltage=nothing,
            torque_enabled=on,
        )

    def state(self) -> CellState:
        """Return the measured state."""
        return self._measured.report(self._now(), (), (), "")

    def _now(self) -> LoopState:
        return self._loop._replace(time_ns=time.monotonic_ns())


async def serve(folder: Path) -> None:
    """Serve until the process is ended."""
    rail: Any = Standing()
    service = RailService(rail, instrument.tools(), {}, tuple)
    server = Server(service, rail, Mailbox(folder))
    await server.start("127.0.0.1:0", folder / "operator")
    print(server.address, flush=True)  # noqa: T201  for who waits
    await asyncio.Event().wait()


if __name__ == "__main__":
    die_with(int(sys.argv[2]))
    uvloop.run(serve(Path(sys.argv[1])))
