"""The two frames of every tick, built once: the cyclic sync read, and the write of the goals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from struct import Struct

from handrail_drivers.api import JointState
from handrail_drivers.errors import InvalidValue
from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.codec import (
    BROADCAST,
    OVERHEAD,
    Instruction,
    build,
    checksum,
    sync_read,
)
from handrail_drivers.servos.calibration import JointCalibration, out_of_range

EFFORT_UNIT = reg.LOAD_UNIT * reg.STALL_TORQUE  # N.m
VALUES = 6  # bytes of position, velocity and load


class SyncRead:
    """A sync read of some servos, with its request built once."""

    def __init__(self, ids: Sequence[int], address: int, size: int) -> None:
        self.ids = tuple(ids)
        self.size = size
        self.request = sync_read(ids, address, size)
        self.frame_size = OVERHEAD + size
        self.reply_size = len(self.ids) * self.frame_size
        # One frame: header, id, length | status, bytes, checksum.
        self._layout = Struct("<" + f"4s{size + 2}s" * len(self.ids))
        self._heads = tuple(bytes((0xFF, 0xFF, id, size + 2)) for id in self.ids)
        # The sum over id..checksum of a right frame is FF: what is left for status..checksum.
        self._sums = [checksum((id, size + 2)) for id in self.ids]

    def split(self, reply: bytes) -> list[bytes]:
        """Return each servo's bytes out of a whole reply."""
        return [rest[1:-1] for rest in self._layout.unpack(reply)[1::2]]

    def is_whole(self, reply: bytes) -> bool:
        """Whether a reply is exactly the expected frames, checksums included."""
        if len(reply) != self.reply_size:
            return False
        parts = self._layout.unpack(reply)
        sums = [sum(rest) & 0xFF for rest in parts[1::2]]
        return parts[::2] == self._heads and sums == self._sums


class CyclicRead:
    """Sync read of position, velocity and load, and its decoding to SI units.

    Args:
        joints: calibration of each servo, in bus order.
        size: bytes asked of each servo, 6 or more; what follows the load is not decoded.
    """

    def __init__(self, joints: Sequence[JointCalibration], size: int = VALUES) -> None:
        self.query = SyncRead([joint.id for joint in joints], reg.PRESENT_POSITION.address, size)
        # One servo: header, id, length | status, position, velocity, load | the rest, checksum.
        self._layout = Struct("<" + f"4xBHHH{size - VALUES + 1}x" * len(joints))
        self._scales = [joint.scale for joint in joints]
        self._effort_scales = [math.copysign(EFFORT_UNIT, joint.scale) for joint in joints]

    def decode(self, reply: bytes, time_ns: int) -> tuple[JointState, tuple[int, ...]]:
        """Return the joints' state and the status byte of each servo."""
        words = self._layout.unpack(reply)
        # Sign and magnitude: bit 15 is the sign of position and velocity, bit 10 that of load.
        # Lists first: a generator costs twice the time.
        position = [
            ((word if word < 0x8000 else 0x8000 - word) - reg.CENTRE) * scale
            for word, scale in zip(words[1::4], self._scales, strict=True)
        ]
        velocity = [
            (word if word < 0x8000 else 0x8000 - word) * scale
            for word, scale in zip(words[2::4], self._scales, strict=True)
        ]
        effort = [
            (word if word < 0x400 else 0x400 - word) * scale
            for word, scale in zip(words[3::4], self._effort_scales, strict=True)
        ]
        state = JointState(time_ns, tuple(position), tuple(velocity), tuple(effort))
        return state, words[0::4]


class GoalWrite:
    """Sync write of all goal positions. Refuses what no servo should be sent.

    Args:
        names: joint names in bus order, for errors.
        joints: their calibration.
    """

    def __init__(self, names: Sequence[str], joints: Sequence[JointCalibration]) -> None:
        goal = reg.GOAL_POSITION
        blank = b"".join(bytes((joint.id, 0, 0)) for joint in joints)
        self._frame = bytearray(
            build(BROADCAST, Instruction.SYNC_WRITE, bytes((goal.address, goal.size)) + blank)
        )
        self._offset = 7  # of the first id: after header, id, length, instruction, address, size
        self._layout = Struct("<" + "xH" * len(joints))
        self._ids = bytes(joint.id for joint in joints)
        # A tuple a joint, since a tick has no time for properties: low, high, count/rad, name.
        self._ranges = [
            (joint.low, joint.high, 1 / joint.scale, name)
            for name, joint in zip(names, joints, strict=True)
        ]

    def frame(self, setpoints: Sequence[float]) -> bytes:
        """Return the frame that sets goal positions [rad].

        Raises:
            InvalidValue: not one finite number a joint, within its calibrated range.
        """
        if len(setpoints) != len(self._ranges):
            raise InvalidValue(
                f"The bus has {len(self._ranges)} joints, not {len(setpoints)}.",
                value=len(setpoints),
                limit=len(self._ranges),
            )
        counts = []
        for value, (low, high, scale, name) in zip(setpoints, self._ranges, strict=True):
            if not low <= value <= high:  # NaN is not within anything
                raise out_of_range(name, value, low, high)
            counts.append(round(value * scale) + reg.CENTRE)
        self._layout.pack_into(self._frame, self._offset, *counts)
        # pack_into writes zeros over the padding, where the ids stand.
        self._frame[self._offset : -1 : 3] = self._ids
        self._frame[-1] = checksum(self._frame[2:-1])
        return bytes(self._frame)
