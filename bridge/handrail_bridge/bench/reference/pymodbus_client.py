"""One value of a Modbus TCP device, read with pymodbus: the yardstick of ``bench modbus``.

Frozen: it is never made slower. Decodes like anything that is to be used.
"""

from __future__ import annotations

import struct
from typing import Any, Self

from pymodbus.client import AsyncModbusTcpClient, ModbusTcpClient

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
        return _float(answer)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()  # type: ignore[no-untyped-call]  # theirs


class AsyncPymodbusClient:
    """The same with its client for asyncio."""

    def __init__(self, client: AsyncModbusTcpClient, address: int) -> None:
        self._client = client
        self._address = address

    @classmethod
    async def connect(cls, port: int, address: int) -> Self:
        """Open a connection."""
        client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=TIMEOUT)
        if not await client.connect():
            raise ConnectionError(f"nobody answers at port {port}")
        return cls(client, address)

    async def read(self) -> float:
        """Return the value."""
        return _float(await self._client.read_holding_registers(self._address, count=2))

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _float(answer: Any) -> float:
    if answer.isError():
        raise ValueError(str(answer))
    value: float = struct.unpack(">f", struct.pack(">HH", *answer.registers))[0]
    return value
