"""The operator's part in a demo: to arm, as soon as the cell lets itself be armed."""

from __future__ import annotations

import asyncio
import time

from handrail_drivers.errors import DeviceFault, NotArmed

from handrail_bridge.client.operator_client import OperatorClient

POLL = 0.2  # s


async def arm(operator: OperatorClient, patience: float) -> None:
    """Reset and arm; tried again for some time [s], until boards and eyes have seen what there is.

    Raises:
        NotArmed, DeviceFault: it does not arm within that time.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            await operator.reset()
            await operator.arm()
            return
        except (NotArmed, DeviceFault):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(POLL)
