"""How the cell stands right now: what a check starts from, and what a permit is held against."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from handrail_drivers.errors import NotArmed, Refused
from handrail_sim.cell import Cell
from handrail_sim.verdict import ObjectBelief, StartState

from handrail_bridge.loop.loops import Loops
from handrail_bridge.loop.state import LoopState, Mode
from handrail_bridge.rail.belief import Belief
from handrail_bridge.rail.checker import CheckerProcess
from handrail_bridge.rail.grants import Present
from handrail_bridge.rail.leases import Leases
from handrail_bridge.rail.measured import Measured, fresh
from handrail_bridge.rail.noise import Noise

LATCHED = (Mode.STOPPED, Mode.FAULT)
RUNNING = (Mode.MOVING, Mode.STOPPING)


class Sensing(Protocol):
    """A device that predicates can ask."""

    def readings(self) -> dict[str, float]:
        """Return what is fresh, by ``device.name``."""


class Situation:
    """What is measured, believed and held, of one cell.

    ``stops`` counts stops and acts of the operator; ``why_disarmed`` is said where the loop has
    no reason of its own.
    """

    def __init__(
        self, cell: Cell, digest: str, loop: Loops, checker: CheckerProcess, why_disarmed: str
    ) -> None:
        self.cell = cell
        self.digest = digest
        self.belief = Belief(cell.objects, cell.check.clearance, cell.check.spread.place)
        self.leases = Leases(loop.devices, cell.permits.lease_heartbeat, loop.set_lease)
        self.measured = Measured(cell)
        self.noise = Noise()
        self.sensing: Sequence[Sensing] = ()  # the devices with readings, once they are open
        self.stops = 0
        self.why_disarmed = why_disarmed
        self._loop = loop
        self._checker = checker

    def state(self) -> LoopState:
        """Return the loop's newest state, with a reason where it is disarmed."""
        state = self._loop.state()
        if state.mode == Mode.DISARMED and not state.reason:
            return state._replace(reason=self.why_disarmed)
        return state

    def present(self, start: Sequence[float] = ()) -> Present:
        """Return what permits are bound to; ``start``: where joints were when a check began."""
        position = start or self._loop.state().position
        return Present(
            time=time.monotonic(),
            position=dict(zip(self.cell.arm.all_joints, position, strict=True)),
            cell_digest=self.digest,
            believed=self.belief.now,
            stops=self.stops,
            leases=self.leases.tokens(),
        )

    async def start(self) -> StartState:
        """Return the state from which a plan is checked.

        Raises:
            Refused: a plan is running, so that there is none.
            StaleReading: the joints have not been read for too long.
        """
        state = self.require_still()
        objects, command = self.felt(state), state.setpoint
        if state.mode != Mode.ARMED:
            command = await self._checker.hold_command(state.position, objects)
        return StartState(
            state.position,
            tuple(command),
            objects,
            self.sensors(),
            noise=self.noise.position,
            effort_noise=self.noise.effort,
        )

    def felt(self, state: LoopState) -> dict[str, ObjectBelief]:
        """Return what is believed of the objects, with the jaw's word on what it holds."""
        self.belief.feel(self.measured.holding(state))
        return self.belief.objects

    def sensors(self) -> dict[str, float]:
        """Return what is fresh of the sensors' readings."""
        return {name: value for one in self.sensing for name, value in one.readings().items()}

    def require_still(self) -> LoopState:
        """Return the state, or refuse while something moves."""
        state = fresh(self._loop.state())
        if state.mode in RUNNING:
            raise Refused(
                "A plan is running: there is no state to start from.", hint="wait for its receipt"
            )
        return state

    def require_armed(self) -> None:
        """Refuse while something moves, or nothing may."""
        mode = self.require_still().mode
        if mode != Mode.ARMED:
            how = "reset it, then arm it" if mode in LATCHED else "arm it"
            reason = self.state().reason
            raise NotArmed(
                f"The cell is {mode.name.lower()}" + (f": {reason}" if reason else "."),
                field="mode",
                value=mode.name.lower(),
                limit="armed",
                hint=f"the operator has to {how}",
            )
