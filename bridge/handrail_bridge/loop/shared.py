"""Memory that the bridge shares with one loop: two slots of state, one trajectory.

An inherited memfd. Neither side can make the other wait: states carry a sequence number and a
CRC, a trajectory is copied and its digest computed again before it is played (loading.py).
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib

import numpy as np
from handrail_drivers.errors import InvalidValue
from handrail_sim.verdict import PolicyPart, Trajectory

from handrail_bridge.loop.state import LoopState, StateLayout

PAGE = 4096
SLOT_AT = 0
TRAJECTORY_AT = 2 * PAGE
BLOCKS = 6  # Trajectory.blocks
LONGEST = 60.0  # s
LOOKS = 100  # at the slots, until both are whole
HEAD = struct.Struct("<QI")  # sequence, CRC-32 of what follows


class Shared:
    """The exchange between one bridge and one loop."""

    def __init__(self, fileno: int, joints: int, rate: int) -> None:
        """Map an existing memfd, which becomes this object's to close."""
        self.fileno = fileno
        self._joints = joints
        self._most_rows = int(LONGEST * rate)
        self._layout = StateLayout(joints)
        self._map = mmap.mmap(fileno, _size(joints, rate))
        self._trajectory = memoryview(self._map)[TRAJECTORY_AT:]
        self._sequence = 0
        self._slot_made = bytearray(HEAD.size + self._layout.size)
        self._body_made = memoryview(self._slot_made)[HEAD.size :]

    @classmethod
    def create(cls, joints: int, rate: int) -> Shared:
        """Make a new, empty exchange."""
        fileno = os.memfd_create("handrail-loop")
        os.ftruncate(fileno, _size(joints, rate))
        return cls(fileno, joints, rate)

    def close(self) -> None:
        """Unmap and close; may be called again."""
        if self._map.closed:
            return
        self._trajectory.release()
        self._map.close()
        os.close(self.fileno)

    # --- state: the loop writes, the bridge reads --------------------------------------------

    def publish(self, state: LoopState) -> None:
        """Write the newest state into the older slot; never waits."""
        self._sequence += 1
        self._layout.pack_into(self._slot_made, HEAD.size, state)
        crc = _crc(self._sequence, self._body_made)
        HEAD.pack_into(self._slot_made, 0, self._sequence, crc)
        at = SLOT_AT + PAGE * (self._sequence % 2)
        self._map[at : at + len(self._slot_made)] = self._slot_made

    def state(self) -> LoopState | None:
        """Return the newest whole state, or None before the first.

        A torn slot is newer than what the other held when it was read: then look again, or
        a reader that was interrupted would go back in time. A writer that died while writing
        leaves one torn for ever.
        """
        newest = 0, b""
        for _ in range(LOOKS):
            slots = [self._slot(index) for index in (0, 1)]
            newest = max([newest, *(slot for slot in slots if slot is not None)])
            if None not in slots:
                break
        sequence, body = newest
        return self._layout.unpack(body) if sequence else None

    def _slot(self, index: int) -> tuple[int, bytes] | None:
        """Return a slot's sequence and bytes, (0, b"") where empty, None where torn."""
        at = SLOT_AT + PAGE * index
        data = self._map[at : at + HEAD.size + self._layout.size]
        sequence, crc = HEAD.unpack_from(data)
        body = data[HEAD.size :]
        if sequence == 0:
            return 0, b""
        return (sequence, body) if crc == _crc(sequence, body) else None

    # --- trajectory: the bridge writes, the loop copies ---------------------------------------

    def put_trajectory(self, trajectory: Trajectory) -> None:
        """Lay a trajectory down for the loop.

        Raises:
            InvalidValue: it is longer than there is room for.
        """
        if trajectory.rows > self._most_rows:
            raise InvalidValue(
                f"A trajectory of {trajectory.duration:.1f} s is longer than {LONGEST:.0f} s.",
                field="trajectory",
                value=trajectory.duration,
                limit=LONGEST,
                unit="s",
            )
        data = b"".join(
            np.ascontiguousarray(block, dtype="<f8").tobytes() for block in trajectory.blocks
        )
        self._map[TRAJECTORY_AT : TRAJECTORY_AT + len(data)] = data

    def room(self) -> bytearray:
        """Return room for the longest trajectory, for whoever copies it out of here."""
        return bytearray(_bytes(self._joints, self._most_rows))

    def bytes_of(self, rows: int) -> int:
        """Return how long a trajectory of so many rows is."""
        return _bytes(self._joints, rows)

    def copy(self, into: memoryview, begin: int, end: int) -> None:
        """Copy some bytes of the trajectory that lies there."""
        into[begin:end] = self._trajectory[begin:end]


def trajectory_in(
    room: bytearray,
    rate: int,
    joints: tuple[str, ...],
    rows: int,
    step_rows: tuple[int, ...],
    policy: PolicyPart | None = None,
) -> Trajectory:
    """Return the trajectory whose bytes lie in a room, where they stay."""
    numbers = np.frombuffer(room, dtype="<f8", count=_bytes(len(joints), rows) // 8)
    hold, lead, predicted, effort, band, effort_band = numbers.reshape(BLOCKS, rows, len(joints))
    blocks = hold, lead, predicted, effort, band, effort_band
    return Trajectory(rate, joints, *blocks, step_rows, policy)


def _size(joints: int, rate: int) -> int:
    return TRAJECTORY_AT + _bytes(joints, int(LONGEST * rate))


def _bytes(joints: int, rows: int) -> int:
    return BLOCKS * rows * joints * 8


def _crc(sequence: int, body: bytes | memoryview) -> int:
    return zlib.crc32(body, sequence & 0xFFFFFFFF)
