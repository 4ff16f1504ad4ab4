"""How much the readings of the standing arm scatter: measured again and again while it is armed."""

from __future__ import annotations

import numpy as np

from handrail_bridge.loop.state import LoopState, Mode

SAMPLES = 50  # a second of the watch over the loops
SETTLED_NS = 500_000_000  # ns after a motion, by which the arm has come to rest

Scatter = tuple[float, ...]  # a standard deviation by joint, in bus order; () until measured


class Noise:
    """The newest second in which the arm stood under torque: nobody moves it by hand then.

    ``position`` [rad, or m] and ``effort`` [N.m] are standard deviations; empty from disarming on.
    """

    def __init__(self) -> None:
        self.position: Scatter = ()
        self.effort: Scatter = ()
        self._standing: list[LoopState] = []

    def feel(self, state: LoopState) -> None:
        """Take in what the loops say now; what has been taken in already is no new sample."""
        if state.mode not in (Mode.ARMED, Mode.MOVING, Mode.STOPPING):
            self.position = self.effort = ()  # a servo may be another one when it is armed again
        if state.mode != Mode.ARMED or state.time_ns - state.mode_since_ns < SETTLED_NS:
            self._standing.clear()
            return
        if self._standing and state.time_ns <= self._standing[-1].time_ns:
            return
        self._standing.append(state)
        if len(self._standing) == SAMPLES:
            self.position = _scatter([one.position for one in self._standing])
            self.effort = _scatter([one.effort for one in self._standing])
            self._standing.clear()


def _scatter(samples: list[tuple[float, ...]]) -> Scatter:
    """Between neighbours alone: who leans on the arm, slowly, is no noise.

    Source: von Neumann et al., The mean square successive difference (1941).
    """
    steps = np.diff(samples, axis=0)
    return tuple(np.sqrt(np.mean(steps**2, axis=0) / 2).tolist())
