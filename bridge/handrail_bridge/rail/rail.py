"""The rail: the one road of everything that moves.

::

    plan -> check, from the measured state -> verdict -> permit -> loop -> receipt

:meth:`Rail._play` is the only place where a trajectory reaches the loop, and it redeems the
permit itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

from handrail_drivers.errors import HandrailError, MotionStopped, Refused
from handrail_sim.cell import Cell
from handrail_sim.plan import Plan

from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.state import LoopState, Mode
from handrail_bridge.rail.acts import Acts
from handrail_bridge.rail.approvals import Approvals
from handrail_bridge.rail.checker import CheckerProcess
from handrail_bridge.rail.denials import Denials
from handrail_bridge.rail.grants import Grant, require_same
from handrail_bridge.rail.motion import Motion
from handrail_bridge.rail.notes import Notes
from handrail_bridge.rail.permits import Permits
from handrail_bridge.rail.receipts import Receipts
from handrail_bridge.rail.resting import Resting
from handrail_bridge.rail.situation import LATCHED, Situation
from handrail_bridge.rail.watch import Watch
from handrail_bridge.reports import CellState, Check, Receipt

LOOK = 0.02  # s between two looks at the loops
STOPPING = 1.0  # s that a stop waits to see its effect
ENDING = 5.0  # s that the operator waits for the receipt of what has just ended

log = logging.getLogger(__name__)


class Rail:
    """One cell's plans, permits and receipts, above its loops; the checker is another process."""

    def __init__(
        self,
        cell: Cell,
        digest: str,
        loop: Loops,
        checker: CheckerProcess,
        receipts: Receipts,
        on_stop: Callable[[], Awaitable[str]],
    ) -> None:
        """``on_stop`` brings to rest what no loop moves, at every stop, and says what does not."""
        self.cell = cell
        self.situation = Situation(cell, digest, loop, checker, receipts.interrupted)
        self._permits = Permits.of(cell)
        self.approvals = Approvals(cell, self.situation, self._permits, receipts)
        self._loop = loop
        self._checker = checker
        self._receipts = receipts
        self._notes = Notes(receipts)
        self._denials = Denials(Notes(receipts), self.situation.leases)
        self._resting = Resting(on_stop, self._notes)
        self.acts = Acts(
            loop, checker, self.situation, self._notes, self._kill_permits, self._require_rest
        )
        self._numbers = 0
        self._aborted = False
        self._configuring = 0  # devices
        self._motion: asyncio.Task[Receipt] | None = None
        self.running: Motion | None = None  # the plan that moves
        self._watch = Watch(loop, self.situation, self._halted)

    def loop_state(self) -> LoopState:
        """Return the loop's newest state."""
        return self._loop.state()

    def state(self) -> CellState:
        """Return the measured state of the cell, with its age."""
        now, state = self.situation, self.situation.state()
        running = self.running.grant.verdict.plan_digest if self.running else ""
        reflexes, leases = self._loop.fired(state), now.leases.current()
        return now.measured.report(state, reflexes, leases, running, now.noise.position)

    # -- the road ----------------------------------------------------------------------

    async def check(self, plan: Plan, approver: str = "") -> Check:
        """Check a plan from the measured state; a passing verdict brings a permit.

        The permit waits for a person where the cell demands one and no ``approver`` is named; who
        names one, the operator, waits for nobody else's check.

        Raises:
            Refused: a plan is running, or what a person is asked cannot be written down.
            StaleReading: the joints have not been read for too long.
            ProcessLost: the checker died or hung.
        """
        start = await self.situation.start()
        present = self.situation.present(start.position)  # a look may have come between
        checked = replace(present.believed, objects=start.objects)
        present = replace(present, believed=checked)
        verdict = await self._checker.check(plan, start, ahead=bool(approver))
        if not verdict.passed:
            return Check(verdict, None)
        devices = self._loop.moved_by(verdict.trajectory) if verdict.trajectory else ()
        if verdict.asks:
            digest = verdict.plan_digest
            self._permits.require_room(not approver, time.monotonic())  # before it is written down
            await self._receipts.written(self._receipts.asked, digest, verdict.asks, approver)
        permit = self._permits.issue(plan, verdict, present, devices, time.monotonic(), approver)
        return Check(verdict, permit)

    def execute(self, plan: Plan, permit_id: str, token: int) -> asyncio.Task[Receipt]:
        """Start a permitted plan under the lease ``token``; the task returns its receipt.

        The task raises PermitRefused, NotArmed, LeaseRefused or Refused where nothing moved.
        Cancelling it does not end it: :meth:`abort` does, with a receipt.
        """
        with self._denials.told(plan, permit_id, token):
            self._require_free()
        self._aborted = False
        self._motion = asyncio.create_task(self._execute(plan, permit_id, token))
        self._motion.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._motion

    def _require_free(self) -> None:
        if self._motion is not None:
            raise Refused("A plan is running.", hint="wait for its receipt, or stop it")
        if self._configuring:
            raise Refused("A device is being configured.", hint="check the plan again afterwards")

    async def _execute(self, plan: Plan, permit_id: str, token: int) -> Receipt:
        try:
            motion = await self._begin(plan, permit_id, token)
            try:
                return await self._finish(motion)
            except Exception as error:  # ours: neither may the arm go on, nor the log be silent
                self._loop.abort(motion.number)
                motion.doubt(self.situation.belief)
                await self._notes.write(f"motion {motion.receipt_id} has no receipt: {error!r}")
                raise
        finally:
            self.running = None
            self._motion = None

    async def _begin(self, plan: Plan, permit_id: str, token: int) -> Motion:
        """Write down what is about to move, then let it move, or write why it does not."""
        grant = self._examined(plan, permit_id, token)
        receipt_id, holder = secrets.token_hex(8), self.situation.leases.holder(token)
        await self._receipts.written(self._receipts.begin, receipt_id, grant, holder)
        self._numbers += 1
        try:
            if self._aborted:
                raise MotionStopped("The execution was cancelled before anything moved.")
            self.running = await self._play(plan, permit_id, receipt_id, token)
        except Exception as error:  # ours, too: nobody would follow it
            self._loop.abort(self._numbers)  # where the loop's answer was lost
            told = error if isinstance(error, HandrailError) else HandrailError(repr(error))
            await self._receipts.written(self._receipts.refused, receipt_id, told.detail())
            raise
        return self.running

    def _examined(self, plan: Plan, permit_id: str, token: int) -> Grant:
        with self._denials.told(plan, permit_id, token):
            self.situation.require_armed()
            grant = self._permits.examine(permit_id, plan.digest(), self.situation.present())
            self.situation.leases.require(token, grant.devices)
            return grant

    async def _play(self, plan: Plan, permit_id: str, receipt_id: str, token: int) -> Motion:
        """The one place where a trajectory reaches the loop. It spends the permit.

        While the loops take it nothing moves yet, and somebody may look, stop, or lose the lease:
        it begins where the permit would be good for it still.
        """
        now = self.situation
        grant = self._permits.redeem(permit_id, plan.digest(), now.present())
        if grant.verdict.trajectory is None:
            raise Refused("The verdict holds no trajectory.")
        motion = Motion(
            self._numbers, receipt_id, plan, grant, now.measured, now.belief.objects, now.sensors
        )
        await self._loop.play(
            grant.verdict.trajectory,
            motion.number,
            token,
            lambda: require_same(grant, now.present()),
        )
        return motion

    async def _finish(self, motion: Motion) -> Receipt:
        outcome = await motion.follow(self._loop)
        state = await motion.settle(self._loop, self.cell.check.settle)
        receipt = motion.judge(outcome, state, self.situation.belief)
        try:
            await self._receipts.written(self._receipts.end, receipt)
        except Refused as error:  # it has moved already; the next plan will be refused
            log.warning("%s", error)
        return receipt

    def world_changed(self, why: str) -> None:
        """End the running plan: what it was checked in is not so any more."""
        if self.running is not None:
            self.running.end_for(why)
            self._loop.abort(self.running.number)

    @contextlib.asynccontextmanager
    async def configuring(self, what: str) -> AsyncIterator[None]:
        """Let a device be configured while nothing moves; what was checked before is void.

        Raises:
            Refused: a plan is running, or it cannot be written down.
        """
        if self._motion is not None:
            raise Refused("A plan is running.", hint="configure devices before or after it")
        self._configuring += 1
        try:
            await self._receipts.written(self._receipts.note, what)
            yield
        finally:
            self._configuring -= 1
            self._kill_permits("was issued before a device was configured")

    # -- stops, open to all ------------------------------------------------------------

    def abort(self) -> None:
        """End the running motion at a held stop, not latched; one about to begin does not."""
        self._aborted = True
        self._loop.abort(self._numbers)

    async def stop(self, reason: str) -> Mode:
        """Bring everything to a held stop, latched; every permit dies."""
        self._loop.raise_stop(reason)
        resting = self._resting.begin()  # somebody may have written since the last stop
        self._kill_permits("was killed by a stop")
        self._notes.add(f"stop asked for: {reason}")
        deadline = time.monotonic() + STOPPING
        mode = self._loop.state().mode
        while mode not in LATCHED and time.monotonic() < deadline:
            await asyncio.sleep(LOOK)
            mode = self._loop.state().mode
        await asyncio.wait({resting}, timeout=max(0.0, deadline - time.monotonic()))
        return mode

    # -- life --------------------------------------------------------------------------

    async def close(self) -> None:
        """Abort what moves, close the log, end the loop and the checker. Torque stays."""
        if self._motion is not None:
            self.abort()
            await asyncio.wait({self._motion}, timeout=10.0)
        await self._watch.close()
        await self._loop.close()
        await self._resting.close()
        await self._notes.close()
        await self._denials.close()
        self._checker.close()
        with contextlib.suppress(Refused):
            self._receipts.close()

    def _halted(self, state: LoopState) -> None:
        """The loops have stopped until a reset: no permit outlives that, and it is written down."""
        self._kill_permits("was killed by a stop")
        self._resting.begin()
        self._notes.add(f"{state.mode.name.lower()}: {state.reason}")

    async def _require_rest(self, what: str) -> None:
        """Refuse while a plan runs; the receipt of one that has come to its end is waited for."""
        if self._motion is not None and self._loop.state().ended_motion_id == self._numbers:
            await asyncio.wait({self._motion}, timeout=ENDING)
        if self._motion is not None:
            raise Refused(f"A motion is running; {what} needs it to end.", hint="stop it first")

    def _kill_permits(self, why: str) -> None:
        self.situation.stops += 1
        self._permits.kill_all(why)
