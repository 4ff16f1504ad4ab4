"""From a tool's call to the board's acknowledgement, beside a bare echo of as many octets."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

from handrail.v1.link_layout import Ack, Command
from handrail_drivers.board.driver import Board
from handrail_drivers.board.frames import frame
from handrail_drivers.board.settings import BoardSettings
from handrail_drivers.errors import ProcessLost
from handrail_drivers.lasting_port import LastingPort
from handrail_drivers.serial_port import SerialPort
from handrail_sim.cell_file import load_cell

from handrail_bridge.bench.firmware.emulated import DESK, SLOW, uno
from handrail_bridge.bench.reference.serial_echo import SerialEcho
from handrail_bridge.rail.receipts import Receipts
from handrail_bridge.tools import Tools

ECHO, DRIVER, TOOL = "bare pyserial echo", "the driver", "the tool"
QUESTION = len(frame(Command(0x0101, 1, 0x01010101, 0x0101)))
ANSWER = len(frame(Ack(0x0101, 1, 1, 0x01010101, 0x01010101)))
READY = 60.0  # s
Times = dict[str, list[float]]  # s, by contestant


def rounds(folder: Path, count: int, calls: int) -> list[Times]:
    """Measure in turn; return what each round found.

    Raises:
        ProcessLost: an emulated board did not come up.
    """
    harness = folder / "avr_board"
    with (
        uno(harness, folder / "echo-avr.hex") as echo_port,
        uno(harness, folder / DESK) as board_port,
        board(board_port, {}) as device,
        contextlib.closing(Receipts(folder, "")) as receipts,
    ):
        echo = SerialEcho(echo_port, QUESTION, ANSWER)
        audited = partial(configuring, receipts)
        tools = Tools(load_cell("desk"), object(), {device.name: device}, audited, None)
        try:
            return [_round(echo, device, tools, calls) for _ in range(count)]
        finally:
            echo.close()


@contextlib.contextmanager
def board(port: str, streams: dict[str, float]) -> Iterator[Board]:
    """Have a board while the block runs."""
    settings = BoardSettings(port=port, timeout=1.0, wait=READY, streams=streams)
    device = Board("uno", settings, LastingPort(port, partial(SerialPort, port, SLOW)))
    device.connect()
    try:
        if not device.wait_ready(READY):
            raise ProcessLost(f"The emulated board did not come up: {device.why_not}")
        yield device
    finally:
        device.close()


def _round(echo: SerialEcho, device: Board, tools: Tools, calls: int) -> Times:
    return {
        ECHO: [echo.ask() for _ in range(calls)],
        DRIVER: [_written(device, n) for n in range(calls)],
        TOOL: asyncio.run(_called(tools, calls)),
    }


def _written(device: Board, number: int) -> float:
    began = time.perf_counter()
    device.write("lamp_green", number % 2)
    return time.perf_counter() - began


async def _called(tools: Tools, calls: int) -> list[float]:
    found = []
    for number in range(calls):
        value = "true" if number % 2 else "false"
        began = time.perf_counter()
        await tools.call("uno_set_lamp_green", f'{{"value": {value}}}')
        found.append(time.perf_counter() - began)
    return found


@contextlib.asynccontextmanager
async def configuring(receipts: Receipts, what: str) -> AsyncIterator[None]:
    """What the rail does: it is on the disk before it is done."""
    await receipts.written(receipts.note, what)
    yield
