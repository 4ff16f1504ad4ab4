"""Devices that the bridge owns: their tools, and how they are lost and found."""

from __future__ import annotations

import asyncio
import contextlib
import select
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from handrail_bridge.devices.owned import Devices, owned_names
from handrail_bridge.tools import Tools
from handrail_drivers.errors import BusLost, HandrailError
from handrail_drivers.loopback_port import StreamPort
from handrail_drivers.pseudo_terminal import PseudoTerminal
from handrail_sim.cell import Cell
from handrail_sim.cell_file import SHIPPED, load_cell
from handrail_sim.twin.scpi_supply import ScpiSupply
from waiting import until_async


class Bench:
    """A supply at a terminal that can be pulled."""

    settings = "scpi_supply", "port = '/dev/null'"  # its driver, and what leads nowhere yet

    def __init__(self, folder: Path) -> None:
        self.supply = ScpiSupply()
        self.terminal = PseudoTerminal(folder / "supply", None)
        self._ending = threading.Event()
        self._free = threading.Lock()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def wire(self) -> str:
        """Where it is to be reached."""
        return str(self.terminal.link)

    def pull(self) -> None:
        with self._free:
            self.terminal.pull()

    def plug(self) -> None:
        with self._free:
            self.terminal.plug()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        self.terminal.pull()

    def _serve(self) -> None:
        while not self._ending.is_set():
            with self._free:
                source = self.terminal.fileno
                ready = source >= 0 and select.select([source], (), (), 0.01)[0]
                data = self.terminal.receive() if ready else b""
                for size, answer, delay in self.supply.exchanges(data, None) if data else ():
                    self.terminal.answer(size, answer, delay, 0.0)
                    self.terminal.flush(time.monotonic())
            if source < 0:
                self._ending.wait(0.01)


class SocketBench(Bench):
    """A supply behind a TCP port that can be pulled."""

    settings = "scpi_supply_tcp", "address = '127.0.0.1:9'"

    def __init__(self, folder: Path) -> None:
        self.supply = ScpiSupply()
        self.port = StreamPort(self.supply)
        self._ending = threading.Event()
        self._free = threading.Lock()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def wire(self) -> str:
        return self.port.address

    def pull(self) -> None:
        with self._free:
            self.port.pull()

    def plug(self) -> None:
        with self._free:
            self.port.plug()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        self.port.pull()

    def _serve(self) -> None:
        while not self._ending.is_set():
            with self._free:
                for ready in select.select(self.port.descriptors(), (), (), 0.01)[0]:
                    self.port.serve(ready)
            self._ending.wait(0.001)


@pytest.fixture
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    found: Bench = getattr(request, "param", Bench)(tmp_path)
    yield found
    found.close()


@pytest.fixture
def cell(tmp_path: Path, bench: Bench) -> Cell:
    driver, where = bench.settings
    text = (SHIPPED / "cells" / "desk.toml").read_text()
    text += f'\n[devices.psu]\ndriver = "{driver}"\nwithout_power = "holds"\n'
    text += f"[devices.psu.settings]\n{where}\nmost_voltage = 30.0\nmost_current = 2.0\n"
    (tmp_path / "mine.toml").write_text(text)
    return load_cell(tmp_path / "mine.toml")


@contextlib.asynccontextmanager
async def opened(cell: Cell, bench: Bench):
    devices = Devices(cell, {"psu": bench.wire}, lambda: False)
    devices.start()
    try:
        await until_async(lambda: not devices.notices())
        yield devices, Tools(cell, object(), devices.opened, lambda _: nullcontext_async(), None)
    finally:
        await devices.close()


@contextlib.asynccontextmanager
async def nullcontext_async():
    with nullcontext():
        yield


def test_who_owns_what(cell):
    assert owned_names(cell) == ("psu",)


async def test_its_tools_are_the_drivers(cell, bench):
    async with opened(cell, bench) as (_, tools):
        voltage = tools.listed["psu_set_voltage"].input_schema["properties"]["value"]
        assert (voltage["unit"], voltage["maximum"]) == ("V", 30.0)
        assert (await tools.call("psu_set_voltage", '{"value": 5.0}'))["confirmed"] is True
        await tools.call("psu_set_output", '{"value": true}')
        said = await tools.call("psu_read_values", "{}")
        assert (said["voltage"], said["output"], said["measured_voltage"]) == (5.0, True, 5.0)
        with pytest.raises(HandrailError, match="30"):
            await tools.call("psu_set_voltage", '{"value": 31.0}')
        calls = [tools.call("psu_read_values", "{}") for _ in range(8)]
        assert all(one["voltage"] == 5.0 for one in await asyncio.gather(*calls))
    assert bench.supply.outputs()["on"] == 0.0  # it ends in its safe state


@pytest.mark.parametrize("bench", [Bench, SocketBench], indirect=True)
async def test_it_is_lost_and_found_and_off(cell, bench):
    async with opened(cell, bench) as (devices, tools):
        await tools.call("psu_set_voltage", '{"value": 5.0}')
        await tools.call("psu_set_output", '{"value": true}')
        bench.pull()
        await until_async(lambda: bool(devices.notices()))
        assert devices.notices()[0].startswith("psu: not connected")
        with pytest.raises(BusLost, match="looked for twice a second"):
            await tools.call("psu_read_values", "{}")
        assert bench.supply.outputs()["on"] == 1.0
        bench.plug()
        await until_async(lambda: not devices.notices())
        assert bench.supply.outputs()["on"] == 0.0
        assert (await tools.call("psu_read_values", "{}"))["output"] is False


async def test_a_stop_reaches_it(cell, bench):
    async with opened(cell, bench) as (devices, tools):
        await tools.call("psu_set_output", '{"value": true}')
        assert await devices.stop() == [""]
        assert bench.supply.outputs()["on"] == 0.0
        bench.pull()
        await until_async(lambda: bool(devices.notices()))
        (said,) = await devices.stop()
        assert "psu has not got its safe values: stop (psu is not connected" in said


async def test_what_is_not_there_is_named_and_waited_for(cell, bench):
    bench.pull()
    devices = Devices(cell, {"psu": bench.wire}, lambda: False)
    devices.start()
    try:
        await until_async(lambda: "There is no port" in "".join(devices.notices()))
        bench.plug()
        await until_async(lambda: not devices.notices())
    finally:
        await devices.close()


async def test_what_could_not_be_stopped_at_the_end_is_said(cell, bench):
    """The safekeeper goes on with it."""
    async with opened(cell, bench) as (devices, _):
        bench.pull()
        await until_async(lambda: bool(devices.notices()))
    assert "psu has not got its safe values: stop (psu is not connected" in devices.owed
