"""The other reference of ``bench check``: the bare rollout with MuJoCo's sleep, as the check's.

Frozen, as the bare one is. Things that lie still cost nothing in it: who is measured against it
is not helped by leaving them out.
"""

from __future__ import annotations

import mujoco
from handrail_sim.cell import Cell

from handrail_bridge.bench.reference.bare_rollout import BareRollout


class SleepingRollout(BareRollout):
    """The same world and steps, asleep where nothing moves."""

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self._model.opt.enableflags |= int(mujoco.mjtEnableBit.mjENBL_SLEEP)
        self._model.opt.disableflags &= ~int(mujoco.mjtDisableBit.mjDSBL_ISLAND)  # needs islands
