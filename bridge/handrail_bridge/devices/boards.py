"""The bridge's end of a cell's boards: opened, put to safe values and closed as one."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from functools import partial

from handrail_drivers import plugins
from handrail_drivers.board.driver import Board
from handrail_drivers.board.session import Sample
from handrail_drivers.board.settings import BoardSettings
from handrail_drivers.lasting_port import LastingPort
from handrail_drivers.serial_port import SerialPort
from handrail_sim.cell import Cell
from handrail_sim.cell_file import device_settings

from handrail_bridge.devices.own_threads import OwnThreads

NEVER = 0  # ns: when a signal that has no value was true

log = logging.getLogger(__name__)


class Boards:
    """The boards of one cell, by name. None has to be there when the bridge starts.

    Args:
        wires: a port by device name, where it is not the cell's.
        put_signal: is given what boards stream, as ``device.channel``, value and time [ns].
        is_stopped: while it says so, outputs keep their safe values.
    """

    def __init__(
        self,
        cell: Cell,
        wires: Mapping[str, str],
        put_signal: Callable[[str, float, int], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        self._put_signal = put_signal
        self._signalling = threading.Lock()
        self._muted = False
        self.opened: dict[str, Board] = {}
        for name in _names(cell):
            settings = _settings(cell, name, wires)
            opening = partial(SerialPort, settings.port, settings.baud)
            board = Board(name, settings, LastingPort(settings.port, opening))
            board.is_stopped = is_stopped
            board.on_sample = partial(self._signal, name)
            board.on_lost = partial(self._withdraw, name, tuple(settings.streams))
            self.opened[name] = board
        self._threads = OwnThreads(self.opened)

    async def start(self, described: Callable[[str, Board], None]) -> None:
        """Look for the boards, and give them time to say what they have.

        ``described`` is called then, and whenever one comes back, on the event loop.
        """
        loop = asyncio.get_running_loop()
        for name, board in self.opened.items():
            board.on_described = partial(_soon, loop, described, name, board)
            board.connect()
        waits = [
            asyncio.to_thread(board.wait_ready, board.longest_wait)
            for board in self.opened.values()
        ]
        for name, ready in zip(self.opened, await asyncio.gather(*waits), strict=True):
            if not ready:
                log.warning("%s is not there yet; its tools appear once it is.", name)

    def notices(self) -> tuple[str, ...]:
        """Return which boards are not there."""
        return tuple(
            f"{name}: not connected, no board answers at its port"
            for name, board in self.opened.items()
            if not board.wait_ready(0.0)
        )

    def stop(self) -> asyncio.Future[list[str]]:
        """Have every board put its outputs to their safe values; return what says which did not."""
        return self._threads.begin("stop")

    def mute(self) -> None:
        """Give no signals any more: the loops are about to end."""
        with self._signalling:
            self._muted = True

    async def close(self) -> None:
        """Put every output to its safe value and release the ports."""
        await self._threads.close()

    def _signal(self, device: str, channel: str, sample: Sample) -> None:
        with self._signalling:
            if not self._muted:
                at_least = sample.time_ns - sample.error_ns
                self._put_signal(f"{device}.{channel}", sample.value, at_least)

    def _withdraw(self, device: str, channels: tuple[str, ...]) -> None:
        """Give no value in the place of the last one: a reflex need not wait until that is old."""
        with self._signalling:
            for channel in () if self._muted else channels:
                self._put_signal(f"{device}.{channel}", 0.0, NEVER)


def streamed_names(cell: Cell) -> tuple[str, ...]:
    """Return what the boards of a cell stream, as ``device.channel``."""
    return tuple(
        f"{device}.{channel}"
        for device in _names(cell)
        for channel in _settings(cell, device, {}).streams
    )


def _soon(
    loop: asyncio.AbstractEventLoop, call: Callable[[str, Board], None], name: str, board: Board
) -> None:
    """Call on the event loop; not at all where it has ended."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(call, name, board)


def _names(cell: Cell) -> tuple[str, ...]:
    return tuple(
        name
        for name, device in cell.devices.items()
        if issubclass(plugins.drivers.one(device.driver), Board)
    )


def _settings(cell: Cell, name: str, wires: Mapping[str, str]) -> BoardSettings:
    settings = device_settings(cell, name)
    if not isinstance(settings, BoardSettings):
        raise TypeError(f"{name}: a board needs BoardSettings")
    return settings.model_copy(update={"port": wires.get(name, settings.port)})
