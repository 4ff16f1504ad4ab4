"""One value of a Modbus TCP device as one reads it with pymodbus: the yardstick of ``bench modbus``.

Frozen: it is never made slower. Decodes like anything that is to be used.
"""

from __future__ import annotations

import struct

from pymodbus.client import ModbusTcpClient

TIMEOUT = 1.0  # s


class PymodbusClient:
    """A connection, and a float over two holding registers."""

    def __init__(self, port: int, address: int) -> None:
        self._client = ModbusTcpClient("127.0.0.1", port=port, timeout=TIMEOUT)
        self._address = address
        if not self._client.connect():  # type: ignore[no-untyped-call]  # theirs
            raise ConnectionError(f"nobody answers at port {port}")

    def read(self) -> float:
        """Return the value."""
        answer = self._client.read_holding_registers(self._address, count=2)
        if answer.isError():
            raise ValueError(str(answer))
        value: float = struct.unpack(">f", struct.pack(">HH", *answer.registers))[0]
        return value

    def close(self) -> None:
        """Close the connection."""
        self._client.close()  # type: ignore[no-untyped-call]  # theirs
