"""What only an operator does to a cell. An act that has begun ends, and is written down."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, ParamSpec, TypeVar

from handrail_bridge.loop.loops import Loops
from handrail_bridge.rail.arming import arm
from handrail_bridge.rail.checker import CheckerProcess
from handrail_bridge.rail.leases import Wish
from handrail_bridge.rail.notes import Notes
from handrail_bridge.rail.situation import Situation
from handrail_bridge.reports import OwnLease

P = ParamSpec("P")
R = TypeVar("R")


def whole(act: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Awaitable[R]]:
    """Have an act go on to its end where the client that asked for it leaves."""

    @functools.wraps(act)
    async def done(*given: P.args, **named: P.kwargs) -> R:
        return await asyncio.shield(act(*given, **named))

    return done


class Acts:
    """The acts of one cell's operator.

    Args:
        loop: the cell's loops.
        checker: says what load the arm carries.
        situation: how the cell stands.
        notes: for the audit log.
        kill: ends every permit; its argument completes the sentence "The permit ...".
        require_rest: raises Refused where a plan runs, told what needs it to end.
    """

    def __init__(
        self,
        loop: Loops,
        checker: CheckerProcess,
        situation: Situation,
        notes: Notes,
        kill: Callable[[str], None],
        require_rest: Callable[[str], Awaitable[None]],
    ) -> None:
        self._loop, self._checker, self._situation = loop, checker, situation
        self._notes, self._kill, self._require_rest = notes, kill, require_rest

    async def arm(self) -> None:
        """Hold the arm where it is: neither a jump nor a sag. Permits of before are dead.

        A device that is not ready yet is waited for as long as the client waits, too.
        """
        self._kill("was issued before the cell was armed")
        await arm(self._loop, self._checker, self._situation, self._hold)

    @whole
    async def _hold(self, command: Sequence[float]) -> None:
        await self._loop.arm(command)
        self._situation.why_disarmed = ""
        await self._notes.write("armed")

    @whole
    async def disarm(self) -> None:
        """Write no more setpoints; torque stays. Raises Refused where a plan runs."""
        await self._require_rest("disarming")
        self._kill("was issued before the cell was disarmed")
        await self._loop.disarm()
        await self._notes.write("disarmed")

    @whole
    async def reset(self) -> None:
        """Clear a latched stop or fault; the cell is disarmed afterwards.

        Raises:
            Refused: a plan runs.
        """
        await self._require_rest("a reset")
        self._kill("was issued before the reset")
        await self._loop.reset()
        await self._notes.write("reset")

    @whole
    async def remove_torque(self) -> None:
        """Remove torque: the arm falls.

        Raises:
            Refused: a plan runs, or it cannot be written down.
        """
        await self._require_rest("removing torque")
        await self._notes.require("torque is about to be removed")
        await self._require_rest("removing torque")  # one may have begun meanwhile
        self._kill("was issued before torque was removed")
        await self._loop.remove_torque()
        await self._notes.write("torque removed")

    @whole
    async def revoke_leases(self, reason: str, holder: str = "") -> None:
        """End a holder's leases, or all where none is named; what they were moving stops.

        Raises:
            UnknownName: nobody of that name holds any.
        """
        for name in self._situation.leases.revoke(holder):
            await self._notes.write(f"lease of {name!r} revoked: {reason}")

    @whole
    async def take_over(self, wish: Wish) -> OwnLease:
        """Give a lease to an operator at once; what its former holders were moving stops."""
        lease = self._situation.leases.take_over(wish)
        await self._notes.write(f"lease taken over by {wish.holder!r}")
        return lease
