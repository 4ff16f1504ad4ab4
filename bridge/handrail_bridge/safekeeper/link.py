"""The bridge's end of its safekeeper."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import IO, Self, cast

from handrail_drivers.errors import ProcessLost
from handrail_drivers.modbus.map_file import load_map
from handrail_sim.cell import Cell
from pydantic import BaseModel

from handrail_bridge.devices.modbus import modbus_names, modbus_settings
from handrail_bridge.devices.owned import owned_names, owned_settings
from handrail_bridge.loop.control import Control, Heart
from handrail_bridge.safekeeper.charges import Charge
from handrail_bridge.safekeeper.process import FAREWELL, READY, KeeperConfig

START_TIMEOUT = 30.0  # s: importing, and reading register maps
CLOSE_TIMEOUT = 5.0  # s: it hears the farewell within a look
REMINDER = 1.0  # s between two times that a dead one is told of
PLENTY = 4096  # bytes: more than it says at once
BEATS = 5  # signs of life within the time that is borne without one

log = logging.getLogger(__name__)


class Safekeeper:
    """One process that outlives the bridge, and gets its signs of life meanwhile.

    Args:
        config: what it keeps.
        control: the page with the signs of life, its own.
    """

    def __init__(self, config: KeeperConfig, control: Control) -> None:
        self._config = config
        self._control = control
        self._heart = Heart(control, config.heartbeat / BEATS)  # first: no beat is an old one
        self._heart.beat()
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.process", str(control.fileno)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # what it says behind its first line is read from the descriptor
            pass_fds=(control.fileno,),
            start_new_session=True,  # Ctrl-C is the bridge's to act on
        )
        self._pulse: asyncio.Task[None] | None = None
        self._on_act: Callable[[str], None] = log.warning

    @classmethod
    def start(cls, cell: Cell, kept: tuple[Charge, ...]) -> Self:
        """Start the process; :meth:`ready` says whether it keeps."""
        config = KeeperConfig(cell=cell.name, heartbeat=cell.loop.heartbeat, charges=kept)
        return cls(config, Control.create())

    async def ready(self) -> None:
        """Wait until it watches.

        Raises:
            ProcessLost: it does not; what it said is told.
        """
        said = await asyncio.to_thread(self._answer)
        if said != READY:
            why = said or "its own words are on standard error"
            raise ProcessLost(f"The safekeeper did not start: {why}.")

    def watch(self, on_act: Callable[[str], None]) -> None:
        """From now on the event loop has to go round, too.

        ``on_act`` is told, in a sentence, what the safekeeper did while the bridge stood still, and
        again and again that it is dead.
        """
        self._on_act = on_act
        asyncio.get_running_loop().add_reader(self._said.fileno(), self._hear)
        self._pulse = asyncio.create_task(self._run())

    def mute(self) -> None:
        """Tell nobody any more what it does: the loops are about to end."""
        self._on_act = log.warning

    async def close(self, owed: str = "") -> None:
        """Say farewell, and wait for its end; where safe values are ``owed``, leave them to it."""
        if self._pulse is not None:
            self._pulse.cancel()
            await asyncio.gather(self._pulse, return_exceptions=True)
            asyncio.get_running_loop().remove_reader(self._said.fileno())
        if owed:
            self._leave()
        else:
            await asyncio.to_thread(self._end)
        self._heart.close()
        self._control.close()

    async def _run(self) -> None:
        while True:
            self._heart.pulse()
            if self._process.poll() is not None:
                self._on_act("The safekeeper is dead: restart the bridge")
                await asyncio.sleep(REMINDER)
            await asyncio.sleep(self._config.heartbeat / BEATS)

    def _leave(self) -> None:
        log.warning("the safekeeper goes on for a while to write what is owed")
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _end(self) -> None:
        try:
            self._process.communicate(FAREWELL, CLOSE_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def _hear(self) -> None:
        said = os.read(self._said.fileno(), PLENTY)
        if not said:
            asyncio.get_running_loop().remove_reader(self._said.fileno())
        for sentence in said.decode().splitlines():
            self._on_act(sentence)

    def _answer(self) -> str:
        """Say what to keep, and return what comes back."""
        stdin = self._process.stdin
        with contextlib.suppress(OSError):  # it has ended: its words are what counts
            if stdin is not None:
                stdin.write(self._config.model_dump_json().encode() + b"\n")
                stdin.flush()
        if not select.select([self._said], [], [], START_TIMEOUT)[0]:
            return "it said nothing"
        return self._said.readline().decode().strip().rstrip(".")

    @property
    def _said(self) -> IO[bytes]:
        return cast("IO[bytes]", self._process.stdout)  # a pipe, as it was started


def charges(cell: Cell, wires: Mapping[str, str]) -> tuple[Charge, ...]:
    """Return the devices that the bridge itself brings to rest at a stop.

    Boards do so by themselves, and so do inverters; the loops outlive the bridge for the rest.
    """
    mapped = {name: modbus_settings(cell, name, wires) for name in modbus_names(cell)}
    kept: dict[str, BaseModel] = {
        name: settings for name, settings in mapped.items() if load_map(settings.map).safe
    }
    kept |= {name: owned_settings(cell, name, wires) for name in owned_names(cell)}
    return tuple(
        Charge(
            name=name, driver=cell.devices[name].driver, settings=settings.model_dump(mode="json")
        )
        for name, settings in kept.items()
    )
