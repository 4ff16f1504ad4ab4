"""Devices with tools that no loop and no poller owns: one call at a time, found again when lost."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from handrail_drivers import plugins
from handrail_drivers.board.driver import Board
from handrail_drivers.errors import BusLost, DeviceFault, HandrailError
from handrail_drivers.lasting_port import LastingPort
from handrail_drivers.modbus.device import ModbusSettings
from handrail_drivers.schema import tool_methods
from handrail_sim.cell import Cell
from handrail_sim.cell_file import device_settings

LOOK = 0.5  # s between two looks at whether a device is there
END = 15.0  # s: longer than any call of a driver

log = logging.getLogger(__name__)


class OwnedDevice:
    """One device. Its tools are attributes, as a driver's are.

    A port that has gone is noticed within half a second, or by the call that meets it; once it is
    back the driver connects anew and is stopped: what it did before, it does not go on with.
    """

    def __init__(self, name: str, driver: Any, settings: Any) -> None:
        self.name = name
        self._lock = threading.RLock()  # one call at a time
        self._ending = threading.Event()
        self._trouble: str | None = "it has not been found yet"
        self._found_before = False
        kind = plugins.transports.one(driver.transport)
        self._stream: LastingPort | None = None
        if driver.transport not in ("modbus", "none"):
            self._stream = LastingPort(name, lambda: kind.stream(settings))
            transport = kind.over(lambda: self._stream, settings)
        else:  # a Modbus line opens itself again
            transport = kind.over(lambda: kind.stream(settings), settings)
        self._driver = driver(name, settings, transport)
        for tool, method in tool_methods(self._driver).items():
            setattr(self, tool, self._guarded(method))
        self._thread = threading.Thread(target=self._watch, name=f"device {name}", daemon=True)

    def start(self) -> None:
        """Begin to look for it; returns at once."""
        self._thread.start()

    @property
    def notice(self) -> str | None:
        """What everybody should know of it; None where it is connected."""
        return None if self._trouble is None else f"{self.name}: not connected, {self._trouble}"

    def stop(self) -> None:
        """Have it move no more.

        Raises:
            DeviceFault: whether it stands is not known.
        """
        with self._lock:
            if self._trouble is None:  # else it is stopped as soon as it is found again
                self._driver.stop()

    def close(self) -> None:
        """Put it to its safe values and let it go."""
        self._ending.set()
        self._thread.join(END)
        with self._lock:
            self._driver.close()

    def _guarded(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a tool that waits for its turn and notices a lost port."""

        @functools.wraps(method)
        def call(*given: Any, **named: Any) -> Any:
            with self._lock:
                self._require()
                try:
                    return method(*given, **named)
                except BusLost as error:
                    self._lose(error)
                    raise

        if not inspect.iscoroutinefunction(method):
            return call

        @functools.wraps(method)
        async def call_async(*given: Any, **named: Any) -> Any:
            def whole() -> Any:
                with self._lock:
                    self._require()
                    return asyncio.run(method(*given, **named))

            try:
                return await asyncio.to_thread(whole)
            except BusLost as error:
                self._lose(error)
                raise

        return call_async

    def _require(self) -> None:
        if self._trouble is not None:
            raise BusLost(
                f"{self.name} is not connected: {self._trouble}",
                subject=self.name,
                hint="check its cable and its power; it is looked for twice a second",
            )

    def _lose(self, error: HandrailError) -> None:
        if self._trouble is None:
            log.warning("%s is lost: %s", self.name, error.message)
        self._trouble = error.message

    def _watch(self) -> None:
        while not self._ending.is_set():
            with self._lock:
                if self._trouble is not None:
                    self._find()
                elif self._stream is not None:
                    self._probe(self._stream)
            self._ending.wait(LOOK)

    def _find(self) -> None:
        try:
            if self._stream is not None:
                self._stream.reopen()
            self._driver.connect()
            if self._found_before:
                self._driver.stop()
        except HandrailError as error:
            self._trouble = error.message
            return
        self._found_before = True
        log.warning("%s is connected", self.name)
        self._trouble = None

    def _probe(self, stream: LastingPort) -> None:
        try:
            stream.discard_input()  # between calls nothing is on its way
        except BusLost as error:
            self._lose(error)


class Devices:
    """The owned devices of one cell, by name. None has to be there when the bridge starts."""

    def __init__(self, cell: Cell, wires: Mapping[str, str]) -> None:
        """``wires``: an address or a port by device name, where it is not the cell's."""
        self._stopping: set[asyncio.Task[None]] = set()
        self.opened = {name: _owned(cell, name, wires) for name in owned_names(cell)}
        for device in self.opened.values():
            device.start()

    def notices(self) -> tuple[str, ...]:
        """Return which devices are not connected, and why."""
        return tuple(one.notice for one in self.opened.values() if one.notice is not None)

    def stop(self) -> None:
        """Have every device stop; does not wait for them."""
        for device in self.opened.values():
            task = asyncio.create_task(asyncio.to_thread(device.stop))
            self._stopping.add(task)
            task.add_done_callback(self._stopped)

    async def close(self) -> None:
        """Put every device to its safe values and let it go."""
        await asyncio.gather(*self._stopping, return_exceptions=True)
        closing = [asyncio.to_thread(device.close) for device in self.opened.values()]
        for failed in await asyncio.gather(*closing, return_exceptions=True):
            if isinstance(failed, DeviceFault):
                log.warning("%s", failed)
            elif failed is not None:
                raise failed

    def _stopped(self, task: asyncio.Task[None]) -> None:
        self._stopping.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("%s", error)


def owned_names(cell: Cell) -> tuple[str, ...]:
    """Return the devices that have tools and no other owner: no loop, poller, or camera."""
    taken = {*cell.arm.buses, *(camera.device for camera in cell.cameras.values())}
    return tuple(
        name
        for name, device in cell.devices.items()
        if name not in taken and _is_owned(plugins.drivers.one(device.driver))
    )


def _is_owned(driver: Any) -> bool:
    device = all(callable(getattr(driver, name, None)) for name in ("connect", "stop", "close"))
    others = issubclass(driver, Board) or issubclass(driver.Settings, ModbusSettings)
    bus = hasattr(driver, "set_torque") or hasattr(driver, "read_inputs")
    return device and not others and not bus


def _owned(cell: Cell, name: str, wires: Mapping[str, str]) -> OwnedDevice:
    driver = plugins.drivers.one(cell.devices[name].driver)
    settings = device_settings(cell, name)
    if name in wires:
        settings = plugins.transports.one(driver.transport).at(settings, wires[name])
    return OwnedDevice(name, driver, settings)
