"""All loops of a cell as one: a process for each bus that moves something, one control page.

A bus that stalls holds up its own loop alone; a motion that it shares with others ends for all.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Self

import numpy as np
from handrail_drivers.api import HoldState
from handrail_drivers.reflex import Signal
from handrail_sim.verdict import Trajectory

from handrail_bridge.loop.control import Control, Heart
from handrail_bridge.loop.link import LoopLink
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.state import VECTORS, LoopState, Mode

TOGETHER_NS = 20_000_000  # ahead: time for every loop to see when a motion begins
FOREVER_NS = 2**63 - 1
STILL = 1e-6  # rad: a bus whose setpoints change by less has no part in a motion
SILENT_NS = 1_000_000_000  # without a reading: its bus is not there
BEATS = 5  # signs of life within the time that a loop bears without one

# The state of the whole is that of the part that is worst off.
GRAVITY = (Mode.ARMED, Mode.MOVING, Mode.STOPPING, Mode.DISARMED, Mode.STOPPED, Mode.FAULT)


class Loops:
    """The loops of one cell. Everything that moves goes through :meth:`play`.

    Joints run in the order of the configurations, which is the arm's. Each bus of the cell has
    its loop here; none is left out.
    """

    def __init__(
        self, configs: Sequence[LoopConfig], control: Control, links: Sequence[LoopLink]
    ) -> None:
        self.devices = tuple(config.device for config in configs)
        self._configs = configs
        self._control = control
        self._links = links
        self._signals = configs[0].signals
        self._last: tuple[int, tuple[int, ...]] = (0, ())  # motion, and the loops that play it
        self._heart = Heart(control, configs[0].heartbeat / BEATS)

    @classmethod
    @contextlib.contextmanager
    def starting(cls, configs: Sequence[LoopConfig]) -> Iterator[Self]:
        """Start every loop; the block can start more beside them, and at its end all are ready.

        Raises:
            DeviceFault: what a loop met at its bus.
            ProcessLost: one did not start.
        """
        control = Control.create()
        with contextlib.ExitStack() as undoing:
            undoing.callback(control.close)
            links: list[LoopLink] = []
            for config in configs:
                links.append(LoopLink.start(config, control))
                undoing.callback(links[-1].kill)
            loops = cls(configs, control, links)
            undoing.callback(loops._heart.close)
            yield loops
            for link in links:
                link.await_ready()
            undoing.pop_all()

    @classmethod
    def start(cls, configs: Sequence[LoopConfig]) -> Self:
        """Start every loop and wait until all are ready; raises as :meth:`starting` does."""
        with cls.starting(configs) as loops:
            return loops

    # --- never waits --------------------------------------------------------------------------

    @property
    def pids(self) -> tuple[int, ...]:
        """The loops' process ids."""
        return tuple(link.pid for link in self._links)

    @property
    def refused(self) -> str:
        """What the machine does not grant the first loop; empty where that is nothing."""
        return self._links[0].refused

    @property
    def notices(self) -> tuple[str, ...]:
        """Return, for each loop, whether it runs in real time, and what it lacks."""
        parts = zip(self.devices, self._links, strict=True)
        return tuple(
            f"{device}: realtime: {f'no ({link.refused})' if link.refused else 'yes'}."
            for device, link in parts
        )

    def missing(self) -> tuple[str, ...]:
        """Return which buses have not been read for a while, and why."""
        now, states = time.monotonic_ns(), [link.state() for link in self._links]
        return tuple(
            f"{name}: not connected, {state.reason or 'it does not answer'}"
            for name, state in zip(self.devices, states, strict=True)
            if now - state.time_ns > SILENT_NS
        )

    @property
    def control(self) -> Control:
        """The page that all processes of the cell share."""
        return self._control

    def state(self) -> LoopState:
        """Return the newest state of the whole. A loop that is dead or hangs is a fault."""
        states = [link.state() for link in self._links]
        return states[0] if len(states) == 1 else _together(states, *self._last)

    def raise_stop(self, reason: str) -> None:
        """Bring everything to a stop, latched."""
        self._control.raise_stop(reason)

    def pulse(self) -> None:
        """Say that the bridge's own loop goes round: where it hangs, motion ends."""
        self._heart.pulse()

    def abort(self, motion_id: int) -> None:
        """End one motion at a held stop; the cell stays armed. Later motions are not meant."""
        self._control.abort(motion_id)

    def set_lease(
        self, token: int, devices: Iterable[str] | None = None, until: float = math.inf
    ) -> None:
        """Set the fencing token of devices (none: all); what runs under another one stops.

        So does what runs under this one after ``until`` [s, monotonic], whoever hangs by then.
        """
        until_ns = FOREVER_NS if math.isinf(until) else int(until * 1e9)
        for device in self.devices if devices is None else devices:
            if device in self.devices:
                self._control.lease(self.devices.index(device), token, until_ns)

    def put_signal(self, name: str, value: float, time_ns: int) -> None:
        """Tell the loops a signal's newest value; nothing where no reflex looks at it."""
        if name in self._signals:
            self._control.put_signal(self._signals.index(name), Signal(value, time_ns))

    # --- questions ----------------------------------------------------------------------------

    async def arm(self, hold: Sequence[float]) -> None:
        """Hold the joints where they are; ``hold`` [rad] is measured plus load compensation.

        Where one bus cannot be armed, none is.

        Raises:
            Refused, NotArmed: it would jump; or a loop is latched and wants a reset.
            DeviceFault: a joint did not do its part.
        """
        try:
            for link, part in zip(self._links, self._parts(), strict=True):
                await link.arm(hold[part])
        except BaseException:
            await asyncio.gather(*(link.disarm() for link in self._links), return_exceptions=True)
            raise

    async def disarm(self) -> None:
        """Write no more setpoints; torque stays."""
        await self._of_all(link.disarm() for link in self._links)

    async def reset(self) -> None:
        """Clear what is latched; disarmed afterwards where anything was stopped."""
        await self._of_all(link.reset() for link in self._links)

    async def remove_torque(self) -> None:
        """Take torque off every joint."""
        await self._of_all(link.remove_torque() for link in self._links)

    @staticmethod
    async def _of_all(acts: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Have every bus do its part, whatever becomes of others'.

        Raises:
            HandrailError: of the first bus that did not do it.
        """
        for end in await asyncio.gather(*acts, return_exceptions=True):
            if end is not None:
                raise end

    async def read_hold(self) -> HoldState:
        """Return goal registers [rad] and torque enable of every joint."""
        holds = [await link.read_hold() for link in self._links]
        goal = chain.from_iterable(hold.goal for hold in holds)
        return HoldState(tuple(goal), tuple(chain(*(hold.torque_enabled for hold in holds))))

    async def play(
        self,
        trajectory: Trajectory,
        motion_id: int,
        token: int,
        require_good: Callable[[], None] = lambda: None,
    ) -> None:
        """Have a trajectory played by every bus that it moves; it begins on all at once.

        ``require_good`` is asked once all have it: where it raises, none begins.

        Raises:
            NotArmed, LeaseRefused, PermitRefused: a loop's own refusal; nothing moves.
        """
        moved = self._moved(trajectory)
        self._last = motion_id, moved
        parts = self._parts()
        try:
            for n in moved:
                await self._links[n].load(trajectory.part(parts[n]), motion_id, token)
            require_good()
        except BaseException:
            self.abort(motion_id)  # another bus has taken it
            raise
        self._control.begin(time.monotonic_ns() + (TOGETHER_NS if len(moved) > 1 else 0))

    def moved_by(self, trajectory: Trajectory) -> tuple[str, ...]:
        """Return the devices that a trajectory moves; the first where it moves none."""
        return tuple(self.devices[n] for n in self._moved(trajectory))

    def fired(self, state: LoopState) -> tuple[str, ...]:
        """Return the names of the reflexes that fired."""
        names = self._configs[0].reflexes
        return tuple(name for n, name in enumerate(names) if state.fired >> n & 1)

    async def close(self) -> None:
        """End every loop after a held stop; torque stays. May be called again."""
        await asyncio.gather(*(link.close() for link in self._links))
        self._heart.close()
        self._control.close()

    def _moved(self, trajectory: Trajectory) -> tuple[int, ...]:
        """Return the numbers of the buses that have a part in a motion."""
        travel = np.ptp(trajectory.hold + trajectory.lead, axis=0)
        parts = enumerate(self._parts())
        moved = {n for n, part in parts if (travel[part] > STILL).any()} or {0}
        if trajectory.policy is not None:  # it may move the arm, whatever it did in the check
            moved.add(0)
        if 0 in moved:  # the arm carries its gripper, which must not let go on the way
            moved |= {n for n, config in enumerate(self._configs) if any(config.grips)}
        return tuple(sorted(moved))

    def _parts(self) -> list[slice]:
        """Return which of the cell's joints each bus has."""
        ends = np.cumsum([len(config.joints) for config in self._configs]).tolist()
        return [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]


def _gravity(state: LoopState) -> tuple[int, int]:
    """Order states by how badly off they are; of those that are equally so, the first is worst."""
    return GRAVITY.index(state.mode), -state.mode_since_ns


def _together(states: Sequence[LoopState], motion_id: int, moved: Sequence[int]) -> LoopState:
    """Return the state of the whole; ``moved`` are the loops that play the last motion."""
    worst = max(states, key=_gravity)
    moving = next((state for state in states if state.motion_id), worst)
    parts = [states[n] for n in moved]
    ended = bool(parts) and all(state.ended_motion_id == motion_id for state in parts)
    failed = [state for state in parts if not state.ended_completed]
    broken = max(failed, key=_gravity, default=None)  # who began it
    joined: dict[str, Any] = {
        name: tuple(chain.from_iterable(getattr(state, name) for state in states))
        for name in (*VECTORS, "torque_enabled")
    }
    sums: dict[str, Any] = {
        name: sum(getattr(state, name) for state in states)
        for name in ("overruns", "late_reads", "retries", "clamps")
    }
    fired = 0
    for state in states:
        fired |= state.fired
    return worst._replace(
        **joined,
        **sums,
        time_ns=min(state.time_ns for state in states),
        alive_ns=min(state.alive_ns for state in states),
        ticks=max(state.ticks for state in states),
        fired=fired,
        speed_scale=min(state.speed_scale for state in states),
        motion_id=moving.motion_id,
        row=moving.row,
        rows=moving.rows,
        peak_following_error=max(state.peak_following_error for state in states),
        peak_slide_error=max(state.peak_slide_error for state in states),
        ended_motion_id=motion_id if ended else 0,
        ended_completed=ended and broken is None,
        ended_reason=broken.ended_reason if ended and broken else "",
    )
