"""The bridge's watch over its loops, also where nobody asks for anything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from handrail_drivers.errors import ProcessLost

from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.state import LoopState
from handrail_bridge.rail.situation import LATCHED, Situation

PERIOD = 0.02  # s between two looks

log = logging.getLogger(__name__)


class Watch:
    """Looks at the loops again and again; ``halted`` is told of each stop and fault once."""

    def __init__(
        self, loops: Loops, situation: Situation, halted: Callable[[LoopState], None]
    ) -> None:
        self._loops, self._situation, self._halted = loops, situation, halted
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._blind)

    async def close(self) -> None:
        """End it."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        was = self._loops.state().mode
        while True:
            await asyncio.sleep(PERIOD)
            self._loops.pulse()
            self._situation.leases.current()  # where one has lapsed, it ends here
            state = self._loops.state()
            self._situation.noise.feel(state)
            if state.mode != was and state.mode in LATCHED:
                if state.fault_code == ProcessLost.code:  # a dead loop does not tell the others
                    self._loops.raise_stop(state.reason)
                self._halted(state)
            was = state.mode

    def _blind(self, task: asyncio.Task[None]) -> None:
        """Nobody watches any more: nothing may go on."""
        if task.cancelled() or (error := task.exception()) is None:
            return
        log.error("the watch over the loops failed", exc_info=error)
        reason = f"The bridge's watch over its loops failed: {error!r}"
        self._loops.raise_stop(reason)
        self._halted(LoopState(mode=LATCHED[0], reason=reason))
