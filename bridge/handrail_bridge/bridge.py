"""The composition: all that one cell needs, opened and closed as one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handrail_drivers import plugins
from handrail_drivers.camera.driver import CameraDriver
from handrail_sim.cell import Cell
from handrail_sim.cell_file import cell_digest
from handrail_sim.world import jaw_gaps

from handrail_bridge.devices.hardware import Hardware, open_cameras, open_eyes, open_hardware
from handrail_bridge.mailbox import Mailbox
from handrail_bridge.perception.eyes import Eyes
from handrail_bridge.rail.checker import CheckerProcess
from handrail_bridge.rail.rail import Rail
from handrail_bridge.rail.receipts import Receipts
from handrail_bridge.run_dir import RunDir, state_dir
from handrail_bridge.senses import Senses
from handrail_bridge.server.places import SLOTS
from handrail_bridge.server.server import Server, loopback
from handrail_bridge.server.service import RailService
from handrail_bridge.tools import Tools


@dataclass(frozen=True, slots=True)
class Ready:
    """What a running bridge offers."""

    cell: str
    address: str  # host:port, for agents
    operator_socket: Path
    notices: tuple[str, ...]
    rail: Rail


@contextlib.asynccontextmanager
async def running(
    cell: Cell, wires: Mapping[str, str], urls: Mapping[str, str], listen: str
) -> AsyncIterator[Ready]:
    """Run the bridge of a cell while the block runs.

    Args:
        cell: the cell.
        wires: port by device name, where it differs from the cell file.
        urls: address by camera device, where it differs from the cell file.
        listen: ``host:port`` for agents, loopback only; port 0 chooses one.

    Raises:
        NotPermittedRole: ``listen`` is no loopback address; nothing was started.
    """
    loopback(listen)
    waiting = ThreadPoolExecutor(SLOTS + 16, "waiting")  # calls that wait never wait for a thread
    asyncio.get_running_loop().set_default_executor(waiting)
    async with contextlib.AsyncExitStack() as stack:
        folder = RunDir(cell.name)
        stack.callback(folder.close)
        digest = cell_digest(cell)
        receipts = Receipts(state_dir(cell.name), digest)
        checker = CheckerProcess(cell)
        stack.callback(checker.close)
        checker.spawn()  # what takes long is begun first, and awaited together
        hardware = await open_hardware(cell, wires, stack)
        loops = hardware.loops
        rail = Rail(cell, digest, loops, checker, receipts, hardware.rest)
        stack.push_async_callback(rail.close)
        stack.callback(hardware.mute)
        await hardware.connect()
        rail.situation.sensing = (*hardware.inputs.values(), *hardware.polled.values())
        cameras = open_cameras(cell, urls, loops, stack)
        # In a thread of the pool, which lives as long as the loop: loading a model takes seconds.
        eyes = await asyncio.to_thread(open_eyes, cell, hardware, cameras)
        devices = _by_name(cell, hardware, cameras, eyes)
        senses = Senses(rail, cameras, eyes)
        gaps = await asyncio.to_thread(jaw_gaps, cell)
        tools = Tools(cell, senses, devices, rail.configuring, rail.approvals, gaps)
        await checker.ready()
        await hardware.boards.start(tools.renew)
        tools.require_named(hardware.boards.opened)
        notices = (*loops.notices, *driver_notices(cell))
        service = RailService(
            rail, tools, cameras, lambda: (*notices, *hardware.notices(), *missing(tools))
        )
        mailbox = Mailbox(state_dir(cell.name))
        stack.callback(mailbox.close)
        server = Server(service, rail, mailbox)
        stack.push_async_callback(server.close)
        await server.start(listen, folder.operator_socket)
        folder.publish(server.address, loops.pids)
        if hardware.keeper is not None:
            hardware.keeper.watch(loops.raise_stop)
        yield Ready(cell.name, server.address, folder.operator_socket, notices, rail)


def _by_name(
    cell: Cell,
    hardware: Hardware,
    cameras: Mapping[str, CameraDriver],
    eyes: Mapping[str, Eyes],
) -> dict[str, object]:
    """Return all that has tools of its own, by device name."""
    return {
        **{cell.cameras[name].device: camera for name, camera in cameras.items()},
        **hardware.inputs,
        **hardware.polled,
        **hardware.owned.opened,
        **eyes,
    }


def missing(tools: Tools) -> tuple[str, ...]:
    """Return which tools that need approval a board does not have, or not yet."""
    return tuple(f"{name} needs approval, and nobody has it." for name in tools.unlisted())


def driver_notices(cell: Cell) -> tuple[str, ...]:
    """Return what every user should read about the drivers of a cell."""
    known: dict[str, Any] = {**plugins.drivers.found()}
    unverified = [
        f"{name}: nobody has run the driver {device.driver!r} on hardware yet."
        for name, device in cell.devices.items()
        if not known[device.driver].verified_on_hardware
    ]
    broken = [f"plugin {name!r} is broken: {why}" for name, why in plugins.drivers.broken().items()]
    return (*unverified, *broken)
