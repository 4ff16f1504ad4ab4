"""A board that vanishes and returns: ready within two seconds, by what its keeper does and asks.

The keeper's own waits are counted, and cut short; what they leave of two seconds is held against
the octets that finding the board takes at its line's rate.
"""

from __future__ import annotations

import threading
from pathlib import Path

from board_process import BoardProcess
from handrail_drivers.board import keeper
from handrail_drivers.board.driver import Board
from handrail_drivers.board.settings import BoardSettings
from handrail_drivers.errors import BusLost
from handrail_drivers.lasting_port import LastingPort
from handrail_drivers.schema import tool_schemas
from handrail_drivers.serial_port import SerialPort
from waiting import until

PICKED_UP = 2.0  # s
OCTET = 10  # bits on the line


class Cable:
    """A board's port, which a test pulls: how often it was opened, and what passed since."""

    def __init__(self, port: str, baud: int) -> None:
        self.is_pulled = False
        self.tries: list[bool] = []  # whether each opening found it
        self.octets = 0  # since it was opened the last time
        self._opening = lambda: SerialPort(port, baud)
        self._port: SerialPort | None = None

    def open(self) -> Cable:
        self.tries.append(not self.is_pulled)
        self._require()
        self.octets = 0
        self._port = self._opening()
        return self

    def write(self, data: bytes) -> None:
        self.octets += len(data)
        self._there().write(data)

    def read(self, size: int, timeout_s: float) -> bytes:
        data = self._there().read(size, timeout_s)
        self.octets += len(data)
        return data

    def discard_input(self) -> None:
        self._there().discard_input()

    def close(self) -> None:
        if self._port is not None:
            self._port.close()

    def _there(self) -> SerialPort:
        self._require()
        assert self._port is not None
        return self._port

    def _require(self) -> None:
        if self.is_pulled:
            raise BusLost("The cable is pulled.")


class Impatient(threading.Event):
    """An end that never comes: who waits for it is asked how long, and let go soon."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []  # s, of waits between two tries

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        if timeout > keeper.TURN:
            self.asked.append(timeout)
        return super().wait(min(timeout, keeper.TURN))


def names(device: Board) -> list[str]:
    return sorted(tool.name for tool in tool_schemas(device))


def test_a_board_that_returns_is_ready_within_two_seconds_disarmed_and_the_same(
    host_board: Path,
) -> None:
    with BoardProcess(host_board) as process:
        settings = BoardSettings(port=process.path)
        cable, pauses = Cable(settings.port, settings.baud), Impatient()
        device = Board("tower", settings, LastingPort(settings.port, cable.open))
        device._keeper._ending = pauses
        device.connect()
        try:
            until(lambda: device.wait_ready(0.0))
            tools = names(device)
            device.arm()
            device.write("pusher", 0.0)
            assert device.read_board().armed

            cable.is_pulled = True
            until(lambda: cable.tries.count(False) > 6)  # it has been away for long
            assert not device.wait_ready(0.0)
            process.power_off()
            process.power_on()
            cable.is_pulled = False
            until(lambda: device.wait_ready(0.0))

            assert cable.tries.count(True) == 2  # the first try that could find it did
            longest = max(pauses.asked)
            assert pauses.asked[-1] == longest  # it had backed off as far as it does
            line = cable.octets * OCTET / settings.baud
            assert longest + line < PICKED_UP
            report = device.read_board()
            assert (report.armed, report.held) == (False, [])
            assert (device.name, names(device)) == ("tower", tools)
        finally:
            device.close()
