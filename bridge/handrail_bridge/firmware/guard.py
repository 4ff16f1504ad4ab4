"""What keeps everything still while a board is flashed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

from handrail_drivers.errors import HandrailError, Refused

from handrail_bridge import run_dir
from handrail_bridge.client import Client
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import CellState

HOLDER = "handrail firmware flash"
MOVES = (Mode.MOVING, Mode.STOPPING)


@contextlib.asynccontextmanager
async def nothing_moves(on_lost: Callable[[HandrailError], None]) -> AsyncIterator[None]:
    """Hold every right to move that there is, so that nobody begins to move meanwhile.

    Args:
        on_lost: told why, should one of the rights be lost before the block ends.

    Raises:
        Refused: something moves.
        LeaseRefused: somebody holds a lease.
    """
    async with contextlib.AsyncExitStack() as stack:
        for bridge in run_dir.all_running():
            rail = await stack.enter_async_context(Client.connect(bridge.address))
            await stack.enter_async_context(rail.lease(HOLDER, on_lost=on_lost))
            require_still(bridge.cell, await rail.state())  # nobody can begin any more
        yield


def require_still(cell: str, state: CellState) -> None:
    """Refuse a cell in which anything moves.

    Its mode is that of the bus that is worst off, and another may still be stopping; what has no
    torque may fall or coast.

    Raises:
        Refused: something moves.
    """
    moving = [joint.name for joint in state.joints if joint.moving]
    if state.mode in MOVES or moving:
        what = f" ({', '.join(moving)})" if moving else ""
        raise Refused(
            f"The cell {cell!r} moves{what}.",
            field=cell,
            hint="wait for the plan's end, or stop it, then flash",
        )
