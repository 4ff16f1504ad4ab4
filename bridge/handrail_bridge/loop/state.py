"""What the loop publishes on every tick, and its fixed layout in shared memory."""

from __future__ import annotations

import struct
from enum import IntEnum
from itertools import chain
from typing import NamedTuple

REASON_BYTES = 240
CODE_BYTES = 32


class Mode(IntEnum):
    """What the loop is doing; the same numbers as ``handrail.v1.Mode``."""

    UNSPECIFIED = 0
    DISARMED = 1
    ARMED = 2
    MOVING = 3
    STOPPING = 4
    STOPPED = 5
    FAULT = 6


class LoopState(NamedTuple):
    """One tick. Tuples run in bus order: rad, rad/s, N.m, rad, Cel, V, and torque enable.

    Where a joint slides they have m, m/s and N instead.

    Fields of one type stand together: their order is that of the bytes in shared memory.
    """

    time_ns: int = 0  # monotonic, when the joints were read
    due_ns: int = 0  # monotonic, when this tick should have begun
    alive_ns: int = 0  # monotonic, when the loop wrote this
    mode: Mode = Mode.UNSPECIFIED
    mode_since_ns: int = 0  # monotonic, when the loop entered this mode
    ticks: int = 0
    overruns: int = 0
    late_reads: int = 0
    retries: int = 0
    clamps: int = 0
    fired: int = 0  # bit n: the n-th reflex of LoopConfig.reflexes has tripped, and is latched
    motion_id: int = 0  # 0 while nothing moves
    row: int = 0
    rows: int = 0
    ended_motion_id: int = 0
    ended_completed: bool = False
    peak_following_error: float = 0.0  # rad, of joints that turn, in the present or last motion
    peak_slide_error: float = 0.0  # m, of joints that slide, likewise
    speed_scale: float = 1.0  # that reflexes leave to a motion
    position: tuple[float, ...] = ()
    velocity: tuple[float, ...] = ()
    effort: tuple[float, ...] = ()
    setpoint: tuple[float, ...] = ()
    temperature: tuple[float, ...] = ()
    voltage: tuple[float, ...] = ()
    torque_enabled: tuple[bool, ...] = ()
    reason: str = ""
    fault_code: str = ""
    ended_reason: str = ""


FIELDS = LoopState._fields
INTEGERS = FIELDS[: FIELDS.index("peak_following_error")]
REALS = "peak_following_error", "peak_slide_error", "speed_scale"
VECTORS = FIELDS[FIELDS.index("position") : FIELDS.index("torque_enabled")]
TUPLES = slice(FIELDS.index("position"), FIELDS.index("reason"))


class StateLayout:
    """Packs a state of ``joints`` joints into bytes of a fixed size, and back."""

    def __init__(self, joints: int) -> None:
        self._joints = joints
        self._layout = struct.Struct(
            f"<{len(INTEGERS)}q{len(REALS) + len(VECTORS) * joints}d{joints}?"
            f"{REASON_BYTES}s{CODE_BYTES}s{REASON_BYTES}s"
        )
        self.size = self._layout.size

    def pack_into(self, room: bytearray, at: int, state: LoopState) -> None:
        """Write the state as bytes; long sentences are cut."""
        self._layout.pack_into(
            room,
            at,
            *state[: TUPLES.start],
            *chain.from_iterable(state[TUPLES]),  # type: ignore[arg-type]  # tuples all
            state.reason.encode(),
            state.fault_code.encode(),
            state.ended_reason.encode(),
        )

    def unpack(self, data: bytes) -> LoopState:
        """Return the state that ``pack_into`` wrote."""
        values = iter(self._layout.unpack(data))
        parts: dict[str, object] = {name: next(values) for name in FIELDS[: TUPLES.start]}
        parts["mode"] = Mode(int(str(parts["mode"])))
        parts["ended_completed"] = bool(parts["ended_completed"])
        for name in FIELDS[TUPLES]:
            parts[name] = tuple(next(values) for _ in range(self._joints))
        for name in FIELDS[TUPLES.stop :]:
            parts[name] = next(values).rstrip(b"\0").decode(errors="replace")
        return LoopState(**parts)  # type: ignore[arg-type]  # the layout fixes each part's type
