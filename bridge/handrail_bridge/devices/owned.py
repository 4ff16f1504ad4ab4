"""Devices with tools that no loop and no poller owns: one call at a time, found again when lost."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from handrail_drivers import plugins
from handrail_drivers.api import Effect
from handrail_drivers.board.driver import Board
from handrail_drivers.errors import BusLost, HandrailError
from handrail_drivers.lasting_port import LastingPort
from handrail_drivers.modbus.device import ModbusSettings
from handrail_drivers.safe_values import kept_safe, stopping
from handrail_drivers.schema import tool_methods
from handrail_sim.cell import Cell
from handrail_sim.cell_file import device_settings

from handrail_bridge.devices.own_threads import OwnThreads

LOOK = 0.5  # s between two looks at whether a device is there
END = 15.0  # s: longer than any call of a driver

log = logging.getLogger(__name__)


class OwnedDevice:
    """One device. Its tools are attributes, as a driver's are.

    A port that has gone is noticed within half a second, or by the call that meets it; once it is
    back the driver connects anew and is stopped: what it did before, it does not go on with.
    While ``is_stopped`` says so, nothing is set.
    """

    def __init__(
        self, name: str, driver: Any, settings: Any, is_stopped: Callable[[], bool]
    ) -> None:
        self.name = name
        self._is_stopped = is_stopped
        self._safe = stopping(name, self._stop)
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
        """Have it move no more; what fails is tried again until it stands.

        Raises:
            DeviceFault: whether it stands is not known.
        """
        self._safe.stop()

    def close(self) -> None:
        """Put it to its safe values and let it go.

        Raises:
            DeviceFault: whether it stands is not known.
        """
        self._ending.set()
        self._thread.join(END)
        try:
            self._safe.close()
        finally:
            with self._lock:
                self._driver.close()

    def _stop(self) -> None:
        with self._turn():
            self._driver.stop()

    def _guarded(self, method: Any) -> Callable[..., Any]:
        """Return a tool that waits for its turn, and sets nothing that a stop has overtaken."""
        sets = method.__handrail_tool__.effect is not Effect.OBSERVE

        def in_turn(stops: int, call: Callable[[], Any]) -> Any:
            with self._turn():
                if sets:
                    self._require_allowed(method.__name__, stops)
                return call()

        @functools.wraps(method)
        def call(*given: Any, **named: Any) -> Any:
            return in_turn(self._safe.stops, lambda: method(*given, **named))

        @functools.wraps(method)
        async def call_async(*given: Any, **named: Any) -> Any:
            whole = functools.partial(method, *given, **named)
            stops = self._safe.stops  # before it waits for a thread
            return await asyncio.to_thread(in_turn, stops, lambda: asyncio.run(whole()))

        return call_async if inspect.iscoroutinefunction(method) else call

    def _require_allowed(self, tool: str, stops: int) -> None:
        self._safe.require_no_stop_since(stops)
        self._safe.require_none_owed()
        if self._is_stopped():
            raise kept_safe(f"nothing is set at {self.name}", field=tool)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """Have the device alone; a port that is found to be gone is noticed."""
        with self._lock:
            if self._trouble is not None:
                raise BusLost(
                    f"{self.name} is not connected: {self._trouble}",
                    subject=self.name,
                    hint="check its cable and its power; it is looked for twice a second",
                )
            try:
                yield
            except BusLost as error:
                self._lose(error)
                raise

    def _lose(self, error: Exception) -> None:
        why = error.message if isinstance(error, HandrailError) else repr(error)
        if self._trouble is None:
            log.warning("%s is lost: %s", self.name, why)
        self._trouble = why

    def _watch(self) -> None:
        while not self._ending.is_set():
            with self._lock:
                try:
                    if self._trouble is not None:
                        self._find()
                    elif self._stream is not None:
                        self._stream.discard_input()  # between calls nothing is on its way
                except Exception as error:  # noqa: BLE001  a plugin's may be any: it is sought again
                    self._lose(error)
            self._ending.wait(LOOK)

    def _find(self) -> None:
        if self._stream is not None:
            self._stream.reopen()
        self._driver.connect()
        if self._found_before:
            self._driver.stop()
        self._found_before = True
        log.warning("%s is connected", self.name)
        self._trouble = None


class Devices:
    """The owned devices of one cell, by name. None has to be there when the bridge starts."""

    def __init__(
        self, cell: Cell, wires: Mapping[str, str], is_stopped: Callable[[], bool]
    ) -> None:
        """``wires``: an address or a port by device name, where it is not the cell's."""
        self.opened = {
            name: OwnedDevice(
                name,
                plugins.drivers.one(cell.devices[name].driver),
                owned_settings(cell, name, wires),
                is_stopped,
            )
            for name in owned_names(cell)
        }
        self._threads = OwnThreads(self.opened)
        self.owed = ""  # once closed: what could not be stopped, in sentences

    def start(self) -> None:
        """Begin to look for them; returns at once."""
        for device in self.opened.values():
            device.start()

    def notices(self) -> tuple[str, ...]:
        """Return which devices are not connected, and why."""
        return tuple(one.notice for one in self.opened.values() if one.notice is not None)

    def stop(self) -> asyncio.Future[list[str]]:
        """Have every device stop, and return what will say which did not."""
        return self._threads.begin("stop")

    async def close(self) -> None:
        """Put every device to its safe values and let it go."""
        self.owed = await self._threads.close()


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


def owned_settings(cell: Cell, name: str, wires: Mapping[str, str]) -> Any:
    """Return the settings of one of them, at the address where it really is."""
    settings = device_settings(cell, name)
    if name not in wires:
        return settings
    driver = plugins.drivers.one(cell.devices[name].driver)
    return plugins.transports.one(driver.transport).at(settings, wires[name])
