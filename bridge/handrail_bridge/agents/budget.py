"""What an agent may spend: turns, tokens, seconds, metres moved. Each has a clear end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from handrail_drivers.errors import BudgetSpent, InvalidValue

STEP = 0.002  # m; less is noise of the measurement


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one session may spend.

    Raises:
        InvalidValue: a part is not positive.
    """

    turns: int = 60  # replies of the model
    tokens: int = 1_000_000  # sent and received, cached ones too
    seconds: float = 1800.0
    metres: float = 50.0  # travelled by the tool centre point

    def __post_init__(self) -> None:
        for name in ("turns", "tokens", "seconds", "metres"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InvalidValue(
                    f"A budget of {name} is greater than zero.", field=name, value=value, limit=0
                )


class Budget:
    """What one session has spent of its limits."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.turns = 0
        self.tokens = 0
        self.metres = 0.0
        self._clock = clock
        self._began = clock()
        self._tcp: tuple[float, ...] | None = None

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return self._clock() - self._began

    def turn(self, tokens: int) -> None:
        """Count one reply of the model."""
        self.turns += 1
        self.tokens += tokens

    def rests(self) -> None:
        """The next position begins a new way: what others move meanwhile is not ours."""
        self._tcp = None

    def moved_to(self, tcp: tuple[float, ...]) -> None:
        """Count the way to where the TCP [m] is measured to be."""
        if self._tcp is None:
            self._tcp = tcp
        elif (way := math.dist(self._tcp, tcp)) >= STEP:
            self.metres += way
            self._tcp = tcp

    def require(self) -> None:
        """Refuse to go on where anything is spent.

        Raises:
            BudgetSpent: it says what.
        """
        for name, unit in ("turns", "1"), ("tokens", "1"), ("seconds", "s"), ("metres", "m"):
            spent, limit = getattr(self, name), getattr(self.limits, name)
            if spent >= limit:
                raise BudgetSpent(
                    f"The budget of {limit:g} {name} is spent.",
                    field=name,
                    value=round(spent, 3),
                    limit=limit,
                    unit=unit,
                    hint=f"start again with more: --{name}",
                )

    def told(self) -> str:
        """Return what was spent, as one line."""
        most = self.limits
        model = f"{self.turns} of {most.turns} turns, {self.tokens} of {most.tokens} tokens"
        cell = f"{self.seconds:.0f} of {most.seconds:g} s, {self.metres:.2f} of {most.metres:g} m"
        return f"{model}, {cell} moved"
