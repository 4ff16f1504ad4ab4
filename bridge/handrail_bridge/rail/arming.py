"""Arming: every loop holds its joints where they are, once its device is ready."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from handrail_drivers.errors import NotReady, StaleReading

from handrail_bridge.loop.loops import Loops
from handrail_bridge.rail.checker import CheckerProcess
from handrail_bridge.rail.measured import fresh
from handrail_bridge.rail.situation import Situation

READY = 10.0  # s that a device may take
AGAIN = 0.1  # s


async def arm(
    loops: Loops,
    checker: CheckerProcess,
    situation: Situation,
    hold: Callable[[Sequence[float]], Awaitable[None]],
) -> None:
    """Have ``hold`` arm all loops, told what holds their joints [rad] where they are.

    A device that needs some seconds yet is asked again, from where it is then.

    Raises:
        StaleReading: the joints were not read lately.
        Refused, NotArmed: one would jump; or a loop is latched and wants a reset.
        NotReady: a device still is not, after ``READY``.
        DeviceFault: a joint did not do its part.
    """
    deadline = time.monotonic() + READY
    waits: NotReady | None = None
    while True:
        try:
            state = fresh(loops.state())
            held = situation.felt(state)
            return await hold(await checker.hold_command(state.position, held))
        except NotReady as error:
            waits = error
        except StaleReading:
            if waits is None:  # else it is busy getting ready: a machine that homes says nothing
                raise
        if time.monotonic() > deadline:
            raise waits
        await asyncio.sleep(AGAIN)
