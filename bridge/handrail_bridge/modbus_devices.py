"""The bridge's end of a cell's Modbus devices: opened, put to safe values and closed as one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from handrail_drivers import plugins
from handrail_drivers.errors import HandrailError
from handrail_drivers.modbus.device import ModbusDevice, ModbusSettings
from handrail_drivers.modbus.lines import Lines
from handrail_drivers.modbus.map_file import load_map
from handrail_drivers.modbus.register_map import Kind
from handrail_sim.cell import Cell
from handrail_sim.cell_file import device_settings

CONNECT = 1.0  # s that the bridge's start waits for safe values

log = logging.getLogger(__name__)


class ModbusDevices:
    """The Modbus devices of one cell, by name. None has to be there when the bridge starts."""

    def __init__(self, cell: Cell, wires: Mapping[str, str]) -> None:
        """``wires``: an address or a port by device name, where it is not the cell's."""
        self._lines = Lines()
        self._tasks: set[asyncio.Task[None]] = set()
        self.opened: dict[str, ModbusDevice] = {}
        self.owed = ""  # once closed: what could not be written, in sentences
        for name in modbus_names(cell):
            driver: Any = plugins.drivers.one(cell.devices[name].driver)
            settings = modbus_settings(cell, name, wires)
            self.opened[name] = driver(name, settings, self._lines.line(settings))

    async def connect(self, is_stopped: Callable[[], bool]) -> None:
        """Have every device get its safe values, and begin to poll; waits no longer than a second.

        While ``is_stopped`` says so, what has a safe value keeps it.
        """
        for device in self.opened.values():
            device.is_stopped = is_stopped
        tasks = self._each("connect")
        if tasks:
            await asyncio.wait(tasks, timeout=CONNECT)

    def notices(self) -> tuple[str, ...]:
        """Return which devices do not answer."""
        return tuple(
            f"{name}: not connected, it does not answer"
            for name, device in self.opened.items()
            if device.is_silent
        )

    def stop(self) -> asyncio.Future[list[str]]:
        """Have every device put to its safe values, and return what will say which were not."""
        return asyncio.gather(*map(_outcome, self._each("stop")))

    async def close(self) -> None:
        """Put every device to its safe values and close its line."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        failed = await asyncio.gather(*map(_outcome, self._each("close")))
        if owed := " ".join(filter(None, failed)):
            log.warning("%s", owed)
        self.owed = owed
        await asyncio.to_thread(self._lines.close)

    def _each(self, act: str) -> list[asyncio.Task[None]]:
        """Begin something with every device at once, each in a thread of its own."""
        found = [
            asyncio.create_task(asyncio.to_thread(getattr(device, act)))
            for device in self.opened.values()
        ]
        for task in found:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return found


async def _outcome(task: asyncio.Task[None]) -> str:
    """Return what went wrong, in a sentence; whatever it was keeps no other device from its end."""
    try:
        await task
    except HandrailError as error:
        return str(error)
    except Exception as error:
        log.exception("a Modbus device failed")
        return repr(error)
    return ""


def polled_names(cell: Cell) -> tuple[str, ...]:
    """Return the numbers of a cell that Modbus devices are polled for, as ``device.register``."""
    return tuple(
        f"{device}.{name}"
        for device in modbus_names(cell)
        for name, one in load_map(modbus_settings(cell, device, {}).map).registers.items()
        if one.poll is not None and one.type is not Kind.STRING and one.choices is None
    )


def modbus_names(cell: Cell) -> tuple[str, ...]:
    """Return the devices that a register map describes, but for those that loops move."""
    drivers: dict[str, Any] = {
        name: plugins.drivers.one(device.driver)
        for name, device in cell.devices.items()
        if name not in cell.arm.buses
    }
    return tuple(
        name for name, driver in drivers.items() if issubclass(driver.Settings, ModbusSettings)
    )


def modbus_settings(cell: Cell, name: str, wires: Mapping[str, str]) -> ModbusSettings:
    """Return the settings of one of them, at the address where it really is."""
    settings = device_settings(cell, name)
    if not isinstance(settings, ModbusSettings):
        raise TypeError(f"{name}: a driver on a Modbus line needs ModbusSettings")
    return settings.at(wires.get(name))
