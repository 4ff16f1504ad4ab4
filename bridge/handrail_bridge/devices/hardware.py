"""The devices of one cell, opened and closed as one: what loops move, what is polled, what sees."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handrail_drivers import plugins
from handrail_drivers.board.driver import Board
from handrail_drivers.camera.driver import CameraDriver
from handrail_drivers.camera.network import NetworkCamera, NetworkSettings
from handrail_drivers.modbus.device import ModbusDevice
from handrail_sim.cell import Cell
from handrail_sim.cell_file import device_settings

from handrail_bridge.devices.boards import Boards
from handrail_bridge.devices.inputs import Inputs
from handrail_bridge.devices.modbus import ModbusDevices
from handrail_bridge.devices.owned import Devices
from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.settings import input_configs, loop_configs
from handrail_bridge.perception.eyes import Eyes, sight_configs
from handrail_bridge.rail.situation import LATCHED
from handrail_bridge.safekeeper.link import Safekeeper, charges

REPORT = 0.02  # s between two reports of the cameras' freshness to the loops


@dataclass(frozen=True, slots=True)
class Hardware:
    """What is open of a cell.

    ``keeper`` is None where no device has a safe value that the bridge writes; ``pollers`` closes
    what the loops look at, after them.
    """

    keeper: Safekeeper | None
    loops: Loops
    pollers: contextlib.ExitStack
    inputs: dict[str, Inputs]
    modbus: ModbusDevices
    boards: Boards
    owned: Devices

    @property
    def polled(self) -> dict[str, ModbusDevice | Board]:
        """What is read again and again, by device name."""
        return {**self.modbus.opened, **self.boards.opened}

    def notices(self) -> tuple[str, ...]:
        """Return which devices are not there now: their names, and why."""
        inputs = filter(None, [one.notice for one in self.inputs.values()])
        polled = (*self.modbus.notices(), *self.boards.notices())
        return (*self.loops.missing(), *inputs, *polled, *self.owned.notices())

    async def connect(self) -> None:
        """Find the Modbus devices, and wait for the first levels of all inputs.

        Raises:
            DeviceFault: what a poller met at its device.
        """
        await self.modbus.connect(lambda: self.loops.state().mode in LATCHED)
        for poller in self.inputs.values():
            await asyncio.to_thread(poller.await_ready)

    async def rest(self) -> str:
        """Put what no loop moves to its safe values; return what does not stand there."""
        begun = (self.boards.stop(), self.owned.stop(), self.modbus.stop())
        return " ".join(filter(None, itertools.chain(*await asyncio.gather(*begun))))

    def mute(self) -> None:
        """Have nobody tell the loops anything any more: they are about to end."""
        self.boards.mute()
        if self.keeper is not None:
            self.keeper.mute()


async def open_hardware(
    cell: Cell, wires: Mapping[str, str], stack: contextlib.AsyncExitStack
) -> Hardware:
    """Start the loops and all that reads or writes beside them; ``stack`` closes them.

    Raises:
        DeviceFault: what a loop met at its bus.
        ProcessLost: a process did not start.
    """
    pollers = stack.enter_context(contextlib.ExitStack())

    def is_stopped() -> bool:
        return loops.state().mode in LATCHED

    modbus, owned = ModbusDevices(cell, wires), Devices(cell, wires, is_stopped)
    keeper = await _keeper(cell, wires, (modbus, owned), stack)
    with Loops.starting(loop_configs(cell, wires)) as loops:
        inputs = _inputs(cell, wires, loops, pollers)
    stack.push_async_callback(loops.close)  # where no rail is made, which closes them, too
    stack.push_async_callback(modbus.close)
    boards = Boards(cell, wires, loops.put_signal, is_stopped)
    stack.push_async_callback(boards.close)
    owned.start()
    stack.push_async_callback(owned.close)
    return Hardware(keeper, loops, pollers, inputs, modbus, boards, owned)


def open_cameras(
    cell: Cell, urls: Mapping[str, str], loops: Loops, stack: contextlib.AsyncExitStack
) -> dict[str, CameraDriver]:
    """Open the device of every camera, and return them by the camera's name.

    ``urls``: streams by device name, that stand in for what the cell has there.
    """
    opened: dict[str, CameraDriver] = {}
    for name in {camera.device for camera in cell.cameras.values()}:
        camera = camera_driver(cell, name, urls.get(name))
        stack.callback(camera.close)
        camera.start()
        opened[name] = camera
    cameras = {name: opened[camera.device] for name, camera in cell.cameras.items()}
    stack.push_async_callback(_cancelled, asyncio.create_task(_report(loops, cameras)))
    return cameras


def open_eyes(
    cell: Cell, hardware: Hardware, cameras: Mapping[str, CameraDriver]
) -> dict[str, Eyes]:
    """Start the process of every pipeline, give it its camera's frames; return them by name.

    Loading a model takes seconds: call it in a thread, one that lives as long as they should.
    """
    opened: dict[str, Eyes] = {}
    for config in sight_configs(cell):
        eyes = hardware.pollers.enter_context(Eyes(config, hardware.loops.control))
        cameras[cell.perception[config.name].camera].listen(eyes.show)
        opened[config.name] = eyes
    return opened


def camera_driver(cell: Cell, name: str, url: str | None) -> CameraDriver:
    """Return a camera's driver; with an address that of a stream, whatever the cell has there."""
    settings: Any = device_settings(cell, name)
    if url is not None:
        stream = NetworkSettings(url=url, maximum_age=settings.maximum_age)
        return NetworkCamera(name, stream, None)
    driver: Any = plugins.drivers.one(cell.devices[name].driver)
    camera: CameraDriver = driver(name, settings, None)
    return camera


async def _keeper(
    cell: Cell,
    wires: Mapping[str, str],
    kept_safe: Sequence[ModbusDevices | Devices],
    stack: contextlib.AsyncExitStack,
) -> Safekeeper | None:
    kept = charges(cell, wires)
    if not kept:
        return None
    keeper = Safekeeper.start(cell, kept)

    async def close() -> None:
        await keeper.close(" ".join(one.owed for one in kept_safe if one.owed))

    stack.push_async_callback(close)  # once what has safe values has ended
    await keeper.ready()
    return keeper


def _inputs(
    cell: Cell, wires: Mapping[str, str], loops: Loops, stack: contextlib.ExitStack
) -> dict[str, Inputs]:
    opened: dict[str, Inputs] = {}
    for config in input_configs(cell, wires):
        opened[config.device] = Inputs.start(config, loops.control)
        stack.callback(opened[config.device].close)
    return opened


async def _report(loops: Loops, cameras: Mapping[str, CameraDriver]) -> None:
    """Tell the loops again and again when each camera last had a new picture."""
    while True:
        for camera in cameras.values():
            if camera.new_picture_ns:
                loops.put_signal(camera.name, 0.0, camera.new_picture_ns)
        await asyncio.sleep(REPORT)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
