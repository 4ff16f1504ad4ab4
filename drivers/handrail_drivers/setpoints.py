"""What every setpoint has to be."""

from __future__ import annotations

import math
from collections.abc import Iterable

from handrail_drivers.errors import InvalidValue


def require_finite(setpoints: Iterable[float]) -> None:
    """Refuse setpoints that are no numbers: comparisons with them are false, limits let them pass.

    Raises:
        InvalidValue: one is NaN or infinite.
    """
    for number, value in enumerate(setpoints):
        if not math.isfinite(value):
            raise InvalidValue(
                f"Setpoint {number} is {value}.", field=f"setpoints[{number}]", value=str(value)
            )
