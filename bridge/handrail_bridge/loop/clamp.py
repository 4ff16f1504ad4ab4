"""The last line before the wire: positions within limits, steps within the speed limit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from handrail_drivers.errors import InvalidValue

from handrail_bridge.loop.settings import LoopConfig

SLACK = 0.01  # rad a tick beyond what speed allows, by the joint's lever


class Clamp:
    """Bounds of every joint of one loop; ``count`` is how often one was needed."""

    def __init__(self, config: LoopConfig) -> None:
        self.count = 0
        self._low, self._high = config.low, config.high
        # Feed-forward moves the setpoint faster than the joint: twice is not ours.
        ways = zip(config.velocity, config.levers, strict=True)
        self._reach = [2.0 * velocity / config.rate + SLACK * lever for velocity, lever in ways]

    def within(self, setpoint: Sequence[float], last: Sequence[float] | None) -> list[float]:
        """Return the setpoint [rad] within its bounds; ``last`` is what was written before.

        Raises:
            InvalidValue: it is no number.
        """
        command = list(setpoint)
        ways = zip(setpoint, last or setpoint, self._low, self._high, self._reach, strict=True)
        for i, (value, before, low, high, reach) in enumerate(ways):
            if low <= value <= high and abs(value - before) <= reach:
                continue
            if math.isnan(value):
                raise InvalidValue("A setpoint is no number.", value=str(value))
            if last is not None:
                low, high = max(low, before - reach), min(high, before + reach)
            command[i] = min(max(value, low), high)
            self.count += command[i] != value
        return command
