"""The bridge's end of a cell's Modbus devices: opened, put to safe values and closed as one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from handrail_drivers import plugins
from handrail_drivers.modbus.device import ModbusDevice, ModbusSettings
from handrail_drivers.modbus.lines import Lines
from handrail_drivers.modbus.map_file import load_map
from handrail_drivers.modbus.register_map import Kind
from handrail_sim.cell import Cell
from handrail_sim.cell_file import device_settings

from handrail_bridge.devices.own_threads import OwnThreads

CONNECT = 1.0  # s that the bridge's start waits for safe values


class ModbusDevices:
    """The Modbus devices of one cell, by name. None has to be there when the bridge starts."""

    def __init__(self, cell: Cell, wires: Mapping[str, str]) -> None:
        """``wires``: an address or a port by device name, where it is not the cell's."""
        self._lines = Lines()
        self.opened: dict[str, ModbusDevice] = {}
        self.owed = ""  # once closed: what could not be written, in sentences
        for name in modbus_names(cell):
            driver: Any = plugins.drivers.one(cell.devices[name].driver)
            settings = modbus_settings(cell, name, wires)
            self.opened[name] = driver(name, settings, self._lines.line(settings))
        self._threads = OwnThreads(self.opened)

    async def connect(self, is_stopped: Callable[[], bool]) -> None:
        """Have every device get its safe values, and begin to poll; waits no longer than a second.

        While ``is_stopped`` says so, what has a safe value keeps it.
        """
        for device in self.opened.values():
            device.is_stopped = is_stopped
        await asyncio.wait({self._threads.begin("connect")}, timeout=CONNECT)

    def notices(self) -> tuple[str, ...]:
        """Return which devices do not answer."""
        return tuple(
            f"{name}: not connected, it does not answer"
            for name, device in self.opened.items()
            if device.is_silent
        )

    def stop(self) -> asyncio.Future[list[str]]:
        """Have every device put to its safe values, and return what will say which were not."""
        return self._threads.begin("stop")

    async def close(self) -> None:
        """Put every device to its safe values and close its line."""
        self.owed = await self._threads.close()
        await asyncio.to_thread(self._lines.close)


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
