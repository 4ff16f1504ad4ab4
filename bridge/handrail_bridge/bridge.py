"""The composition: all that one cell needs, opened and closed as one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from handrail_drivers import plugins
from handrail_drivers.board.driver import Board
from handrail_drivers.modbus.device import ModbusDevice
from handrail_drivers.network_camera import NetworkCamera
from handrail_sim.cell import Cell
from handrail_sim.cell_file import cell_digest, device_settings

from handrail_bridge.boards import Boards
from handrail_bridge.checker import CheckerProcess
from handrail_bridge.devices import Devices
from handrail_bridge.inputs import Inputs
from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.settings import input_configs, loop_configs
from handrail_bridge.mailbox import Mailbox
from handrail_bridge.modbus_devices import ModbusDevices
from handrail_bridge.perception.eyes import Eyes, sight_configs
from handrail_bridge.rail import Rail
from handrail_bridge.receipts import Receipts
from handrail_bridge.run_dir import RunDir, state_dir
from handrail_bridge.safekeeper.link import Safekeeper, charges
from handrail_bridge.senses import Senses
from handrail_bridge.server import Server, loopback
from handrail_bridge.service import SLOTS, RailService
from handrail_bridge.situation import LATCHED
from handrail_bridge.tools import Tools

REPORT = 0.02  # s between two reports of the cameras' freshness to the loops


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
        pollers = stack.enter_context(contextlib.ExitStack())  # closed after the loops
        checker.spawn()  # what takes long is begun first, and awaited together
        keeper = await _keeper(cell, wires, stack)  # until what has safe values has ended
        with Loops.starting(loop_configs(cell, wires)) as loop:
            inputs = _inputs(cell, wires, loop, pollers)
        stack.push_async_callback(loop.close)  # where the rail is never made, which closes it
        modbus = ModbusDevices(cell, wires)
        stack.push_async_callback(modbus.close)
        boards = Boards(cell, wires, loop.put_signal)
        stack.push_async_callback(boards.close)
        owned = Devices(cell, wires)
        stack.push_async_callback(owned.close)
        rest = partial(stop_all, modbus, boards, owned)
        rail = Rail(cell, digest, loop, checker, receipts, rest)
        stack.push_async_callback(rail.close)
        stack.callback(boards.mute)
        if keeper is not None:
            stack.callback(keeper.mute)
        await modbus.connect(lambda: loop.state().mode in LATCHED)
        for poller in inputs.values():
            await asyncio.to_thread(poller.await_ready)
        opened: dict[str, ModbusDevice | Board] = {**modbus.opened, **boards.opened}
        rail.situation.sensing = (*inputs.values(), *opened.values())
        cameras = _cameras(cell, urls, stack)
        stack.push_async_callback(cancelled, asyncio.create_task(report_cameras(loop, cameras)))
        # In a thread of the pool, which lives as long as the loop: loading a model takes seconds.
        eyes = await asyncio.to_thread(_eyes, cell, loop, cameras, pollers)
        devices: dict[str, object] = {
            **{cell.cameras[name].device: camera for name, camera in cameras.items()},
            **inputs,
            **opened,
            **owned.opened,
            **eyes,
        }
        tools = Tools(cell, Senses(rail, cameras, eyes), devices, rail.configuring)
        await checker.ready()
        await boards.start(tools.renew)
        notices = (*loop.notices, *driver_notices(cell))
        service = RailService(rail, tools, cameras, lambda: (*notices, *owned.notices()))
        mailbox = Mailbox(state_dir(cell.name))
        stack.callback(mailbox.close)
        server = Server(service, rail, mailbox)
        stack.push_async_callback(server.close)
        await server.start(listen, folder.operator_socket)
        folder.publish(server.address, loop.pids)
        if keeper is not None:
            keeper.watch(loop.raise_stop)
        yield Ready(cell.name, server.address, folder.operator_socket, notices, rail)


async def stop_all(modbus: ModbusDevices, boards: Boards, owned: Devices) -> str:
    """Have what no loop moves put to its safe values; return which register maps' have not."""
    boards.stop()
    owned.stop()
    return " ".join(filter(None, await modbus.stop()))


async def report_cameras(loops: Loops, cameras: Mapping[str, NetworkCamera]) -> None:
    """Tell the loops again and again when each camera last had a new picture."""
    while True:
        for camera in cameras.values():
            if camera.new_picture_ns:
                loops.put_signal(camera.name, 0.0, camera.new_picture_ns)
        await asyncio.sleep(REPORT)


async def cancelled(task: asyncio.Task[None]) -> None:
    """End a task that never ends by itself."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


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


async def _keeper(
    cell: Cell, wires: Mapping[str, str], stack: contextlib.AsyncExitStack
) -> Safekeeper | None:
    """Start the safekeeper, where a device has a safe value that the bridge writes."""
    kept = charges(cell, wires)
    if not kept:
        return None
    keeper = Safekeeper.start(cell, kept)
    stack.push_async_callback(keeper.close)
    await keeper.ready()
    return keeper


def _inputs(
    cell: Cell, wires: Mapping[str, str], loop: Loops, stack: contextlib.ExitStack
) -> dict[str, Inputs]:
    """Start the poller of every device of digital inputs, and return them by device name."""
    opened: dict[str, Inputs] = {}
    for config in input_configs(cell, wires):
        opened[config.device] = Inputs.start(config, loop.control)
        stack.callback(opened[config.device].close)
    return opened


def _eyes(
    cell: Cell, loop: Loops, cameras: Mapping[str, NetworkCamera], stack: contextlib.ExitStack
) -> dict[str, Eyes]:
    """Start the process of every pipeline, give it its camera's frames; return them by name."""
    opened: dict[str, Eyes] = {}
    for config in sight_configs(cell):
        eyes = stack.enter_context(Eyes(config, loop.control))
        cameras[cell.perception[config.name].camera].listen(eyes.show)
        opened[config.name] = eyes
    return opened


def _cameras(
    cell: Cell, urls: Mapping[str, str], stack: contextlib.AsyncExitStack
) -> dict[str, NetworkCamera]:
    """Open the device of every camera, and return them by the camera's name."""
    opened: dict[str, NetworkCamera] = {}
    for name in {camera.device for camera in cell.cameras.values()}:
        driver: Any = plugins.drivers.one(cell.devices[name].driver)
        settings = device_settings(cell, name)
        if name in urls:
            settings = driver.Settings(**{**settings.model_dump(), "url": urls[name]})
        camera = driver(name, settings, None)
        stack.callback(camera.close)
        camera.start()
        opened[name] = camera
    return {name: opened[camera.device] for name, camera in cell.cameras.items()}
