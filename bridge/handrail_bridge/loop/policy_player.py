"""Plays a permitted trajectory whose last rows a policy makes of what is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from handrail_drivers.api import JointState
from handrail_sim.verdict import PolicyPart, Trajectory

from handrail_bridge.loop.player import Player
from handrail_bridge.loop.reflexes import Trip

if TYPE_CHECKING:  # onnxruntime is loaded for cells with policies alone
    from handrail_bridge.loop.policy import Clock, LoadedPolicies


class PolicyPlayer(Player):
    """A :class:`Player` of a trajectory with a ``part`` that a policy makes.

    There the rows are what the policy made of the check's rollout: the prediction, and its tube.
    Slowed down, it moves as many times more slowly; once it is to stop, it is asked no more.
    """

    def __init__(
        self,
        trajectory: Trajectory,
        part: PolicyPart,
        policies: LoadedPolicies,
        standing: list[float],
        player: tuple[int, int, int, float, float, tuple[float, ...]],
    ) -> None:
        """``standing`` are the setpoints [rad] that stand, ``player`` the rest of a Player's."""
        super().__init__(trajectory, *player)
        self._part, self._policies = part, policies
        self._drive = policies.begin(trajectory, part, standing)
        self._made: list[float] = []
        self._made_at = 0.0  # speed_scale of that

    def consult(self, joints: JointState, clock: Clock) -> Trip | None:
        """Look at a policy's run before the next row, and ask it; return what ends it."""
        following = self.row + 1 if self.begun else 0
        if following < self._part.first:
            return None
        left = self._policies.look(self._part, joints)
        if left is not None or not self._drive.due:
            return left
        return self._policies.ask(self._part, self._drive, joints, clock)

    def advance(self, speed_scale: float, step: float) -> None:
        """Go on by one tick, as a Player does."""
        super().advance(speed_scale, step)
        if self.row < self._part.first:
            return
        if speed_scale == 0.0:
            self._drive.coast()
        self._made = self._drive.advance(self.row, self.speed_scale).tolist()
        self._made_at = self.speed_scale

    def ease(self, step: float) -> None:
        """Slow down on the present row, but for what a policy makes: its drive goes by ticks."""
        if not self._made:
            super().ease(step)

    def command(self) -> list[float]:
        """Return the setpoints [rad] of this moment.

        Where the speed was taken away at once they are the checked ones: against what stopped it a
        policy may have pushed on.
        """
        if self._made and self._made_at == self.speed_scale:
            return self._made
        return super().command()
