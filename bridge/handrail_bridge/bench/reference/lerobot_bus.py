"""The bus cycle through LeRobot's FeetechMotorsBus, where LeRobot is installed."""

from __future__ import annotations

from lerobot.motors import Motor, MotorNormMode  # type: ignore[import-not-found]  # optional peer
from lerobot.motors.feetech import FeetechMotorsBus  # type: ignore[import-not-found]  # optional peer


class LerobotLoop:
    """Sync reads and a sync write of raw counts.

    LeRobot reads one register at a time: its cycle reads the position only, half the bytes.
    """

    def __init__(self, path: str, ids: list[int]) -> None:
        motors = {f"m{id}": Motor(id, "sts3215", MotorNormMode.RANGE_M100_100) for id in ids}
        self._bus = FeetechMotorsBus(path, motors)
        self._bus.connect()

    def cycle(self, goals: list[int]) -> list[tuple[int, int, int]]:
        """Run one cycle; return (position, 0, 0) of each servo."""
        counts = self._bus.sync_read("Present_Position", normalize=False)
        names = dict(zip(counts, goals, strict=True))
        self._bus.sync_write("Goal_Position", names, normalize=False)
        return [(count, 0, 0) for count in counts.values()]

    def close(self) -> None:
        """Release the port; torque stays as it is."""
        self._bus.disconnect(disable_torque=False)
