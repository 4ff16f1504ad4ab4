"""The bus cycle through the vendor's SDK (feetech-servo-sdk), with its group classes."""

from __future__ import annotations

from scservo_sdk import COMM_SUCCESS, GroupSyncRead, GroupSyncWrite, PacketHandler, PortHandler


class VendorLoop:
    """Group sync read of position, velocity and load, then group sync write of goal counts."""

    def __init__(self, path: str, ids: list[int]) -> None:
        self._ids = ids
        self._port = PortHandler(path)
        self._port.openPort()
        self._port.setBaudRate(1_000_000)
        packets = PacketHandler(0)
        self._reads = GroupSyncRead(self._port, packets, 56, 6)
        self._writes = GroupSyncWrite(self._port, packets, 42, 2)
        for id in ids:
            self._reads.addParam(id)

    def cycle(self, goals: list[int]) -> list[tuple[int, int, int]]:
        """Run one cycle; return the raw words (position, velocity, load) of each servo."""
        if self._reads.txRxPacket() != COMM_SUCCESS:
            raise TimeoutError("the vendor's sync read failed")
        values = [
            tuple(self._reads.getData(id, address, 2) for address in (56, 58, 60))
            for id in self._ids
        ]
        self._writes.clearParam()
        for id, goal in zip(self._ids, goals, strict=True):
            self._writes.addParam(id, [goal & 0xFF, goal >> 8])
        self._writes.txPacket()
        return values

    def close(self) -> None:
        """Release the port."""
        self._port.closePort()
