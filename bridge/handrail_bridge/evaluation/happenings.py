"""What happens to a policy while it works: the world's and other people's doing."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from handrail_bridge.agents.results import Result
from handrail_bridge.evaluation import attempt as trying
from handrail_bridge.pilot.grasp import Base, free_spot

if TYPE_CHECKING:
    from handrail_bridge.evaluation.attempt import Attempt

GRACE = 1.0  # s in which what was told to stop comes to stand
HANG = 3.0  # s


class Happening:
    """Nothing happens. ``begun`` is whether something has: each happens once."""

    begun = False

    async def before(self, at: Attempt) -> None:
        """Prepare what the policy finds."""

    async def beside(self, at: Attempt) -> None:
        """Happen while a call lasts."""

    async def after(self, at: Attempt, tool: str, result: Result) -> None:
        """Happen once a call has its result."""


class _Once(Happening, ABC):
    """Something happens at its moment, and not again."""

    @abstractmethod
    async def happen(self, at: Attempt) -> None:
        """Do it."""


class _AfterCheck(_Once):
    """Its moment is between the first plan that passed and its run."""

    async def after(self, at: Attempt, tool: str, result: Result) -> None:
        if not self.begun and tool == "plan_check" and result.data.get("passed"):
            self.begun = True
            await self.happen(at)


class _Midway(_Once):
    """Its moment is a third of the first motion."""

    async def beside(self, at: Attempt) -> None:
        if not self.begun:
            await trying.midway(at.rail)
            self.begun = True
            await self.happen(at)


@dataclass
class Delay(_AfterCheck):
    """So much time [s] passes."""

    seconds: float

    async def happen(self, at: Attempt) -> None:
        """Let it pass."""
        del at
        await asyncio.sleep(self.seconds)


@dataclass
class Drift(_AfterCheck):
    """Another agent moves joints to positions [rad]."""

    positions: Mapping[str, float]

    async def happen(self, at: Attempt) -> None:
        """Move them by a plan of its own."""
        step = {"tool": "arm_move_joints", "positions": dict(self.positions)}
        async with at.rail.lease("another agent"):
            await at.rail.run({"steps": [step]})


class Hang(_Midway):
    """The policy's own process hangs in the midst of its first motion: no heartbeat leaves it."""

    async def happen(self, at: Attempt) -> None:
        """Hang at a third of a motion; the arm must not wait for the end of it."""
        began = time.monotonic()
        _hang(HANG)
        heartbeat = at.spec.heartbeat + GRACE
        history = at.rig.truth.history(2 * HANG)
        at.witness.must_stand(
            history, began + heartbeat, began + HANG, "its client had fallen silent"
        )


class EmergencyStop(_Midway):
    """Somebody presses the button in the midst of the first motion; later it is armed again."""

    async def happen(self, at: Attempt) -> None:
        """Press it, see that the arm stands, turn it loose, reset and arm."""
        pressed = at.rig.truth.press("button", "emergency_stop") * 1e-9
        await asyncio.sleep(2 * GRACE)
        now = time.monotonic()
        at.witness.must_stand(
            at.rig.truth.history(4 * GRACE), pressed + GRACE, now, "the emergency stop"
        )
        at.rig.truth.release("button", "emergency_stop")
        await trying.armed(at.rig)


@dataclass
class Moved(Happening):
    """Somebody puts an object elsewhere, within easy reach, once the policy has looked."""

    object: str

    async def after(self, at: Attempt, tool: str, result: Result) -> None:
        """Put it far from where anything lies."""
        if self.begun or tool != "look" or result.refused:
            return
        self.begun = True
        things = at.rig.truth.snapshot()["objects"].values()
        cell = at.cell
        spot = free_spot(
            [thing["position"] for thing in things],
            cell.cameras[trying.CAMERA].search,
            Base(*cell.arm.axis),
        )
        at.rig.truth.put(self.object, *spot)


@dataclass
class Letter(Happening):
    """Somebody has written to the policy."""

    sender: str
    text: str

    async def before(self, at: Attempt) -> None:
        """Put it into the mailbox."""
        await at.rail.send_mail(self.sender, trying.NAME, self.text)


def _hang(seconds: float) -> None:
    """Hold up everything that this process does beside: its heartbeats, too."""
    time.sleep(seconds)
