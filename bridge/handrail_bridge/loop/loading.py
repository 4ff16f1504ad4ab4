"""Takes a trajectory out of shared memory a piece at a time, so that no tick is late for it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from handrail_drivers.errors import PermitRefused
from handrail_sim.verdict import Array, PolicyPart, Trajectory

from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.shared import Shared, trajectory_in

PIECE = 16 * 1024  # bytes: some tens of microseconds, to copy, to digest and to look through


class Loading:
    """One trajectory on its way into memory of the loop's own, where later writes cannot reach it.

    Its digest is computed of what arrives, as :meth:`Trajectory.digest` computes it.

    Args:
        config: the loop's.
        shared: where it lies.
        room: the loop's own memory; nothing else may be played out of it any more.
        digest: what was permitted.
        step_rows: the trajectory's; the last is the number of its rows.
        policy: the trajectory's, if it has one.

    Raises:
        PermitRefused: no trajectory has so many rows.
    """

    def __init__(
        self,
        config: LoopConfig,
        shared: Shared,
        room: bytearray,
        digest: str,
        rows: int,
        step_rows: Sequence[int],
        policy: PolicyPart | None = None,
    ) -> None:
        self._size = shared.bytes_of(rows)
        if not 0 < self._size <= len(room):
            raise _unreadable()
        rate, joints = config.trajectory_rate, config.joints
        self._trajectory = trajectory_in(room, rate, joints, rows, tuple(step_rows), policy)
        self._shared, self._room, self._digest = shared, memoryview(room), digest
        self._sha = hashlib.sha256(self._trajectory.heading())
        self._holds_still = ~np.array(config.grips)
        self._row_bytes = 8 * len(joints)
        self._rows_at_once = max(1, PIECE // self._row_bytes)
        self._block, self._row, self._whole = 0, 0, True

    @property
    def finished(self) -> bool:
        """Whether all of it has arrived."""
        return self._block == len(self._trajectory.blocks)

    def go_on(self) -> None:
        """Take the next piece: some rows of one of the trajectory's blocks."""
        rows = self._trajectory.rows
        begin, end = self._row, min(self._row + self._rows_at_once, rows)
        at, to = ((self._block * rows + row) * self._row_bytes for row in (begin, end))
        self._shared.copy(self._room, at, to)
        self._sha.update(self._room[at:to])
        numbers = self._trajectory.blocks[self._block][begin:end]
        self._whole = self._whole and self._is_whole(numbers)
        self._row = end
        if end == rows:
            self._block, self._row = self._block + 1, 0

    def result(self) -> Trajectory:
        """Return what has arrived.

        Raises:
            PermitRefused: it is not what was checked, or it holds what is no number.
        """
        if self._sha.hexdigest() != self._digest:
            raise PermitRefused("The setpoints in memory are not those that were checked.")
        if not self._whole:
            raise _unreadable()
        return self._trajectory

    def _is_whole(self, numbers: Array) -> bool:
        """Tell whether rows are numbers; a band is positive, and finite but for what grips."""
        if self._block < 4:  # hold, lead, predicted, effort
            return bool(np.isfinite(numbers).all())
        watched = numbers[:, self._holds_still] if self._block == 4 else numbers[:, :0]
        return bool((numbers > 0).all()) and bool(np.isfinite(watched).all())


def _unreadable() -> PermitRefused:
    return PermitRefused(
        "The trajectory is empty, too long, or holds a value that is no number.",
        hint="have the plan checked again",
    )
