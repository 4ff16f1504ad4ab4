"""Opens the lines of a cell: devices at one address share one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from handrail_drivers.modbus.device import ModbusSettings
from handrail_drivers.modbus.line import Line
from handrail_drivers.modbus.wires import RtuWire, TcpWire, Wire
from handrail_drivers.serial_port import SerialPort
from handrail_drivers.socket_port import SocketPort

ANY_SPEED = 115_200  # bit/s that a gateway's serial side is taken to have at least


class Lines:
    """The lines that are in use. Nothing is opened before it is needed."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}

    def line(self, settings: ModbusSettings) -> Line:
        """Return the line of a device, the same one for the same address."""
        name = settings.tcp or settings.rtu_over_tcp or settings.port or ""
        if name not in self._lines:
            self._lines[name] = Line(name, _opener(settings), settings.timeout, settings.retries)
        return self._lines[name]

    def close(self) -> None:
        """Close all of them; devices are closed before."""
        for line in self._lines.values():
            line.close()
        self._lines.clear()


def own_line(settings: ModbusSettings) -> Line:
    """Return the line of a device that shares it with none: it is asked on, however silent."""
    name = settings.tcp or settings.rtu_over_tcp or settings.port or ""
    return Line(name, _opener(settings), settings.timeout, settings.retries, pauses=False)


def _opener(settings: ModbusSettings) -> Callable[[], Wire]:
    if settings.tcp is not None:
        return partial(_tcp, settings.tcp)
    if settings.rtu_over_tcp is not None:
        return partial(_rtu_over_tcp, settings.rtu_over_tcp)
    return partial(_rtu, settings)


def _tcp(address: str) -> Wire:
    return TcpWire(_socket(address))


def _rtu_over_tcp(address: str) -> Wire:
    return RtuWire(_socket(address), ANY_SPEED)


def _rtu(settings: ModbusSettings) -> Wire:
    path, baud = settings.port or "", settings.baud
    return RtuWire(SerialPort(path, baud, settings.parity, settings.stop_bits), baud)


def _socket(address: str) -> SocketPort:
    host, _, port = address.rpartition(":")
    return SocketPort(host, int(port))
