"""Every rule of a loop, evaluated on every tick: the guards first, then the cell's own.

What a rule that is broken does to the motion is a :class:`Trip`. A rule that fired while the
joints were held is latched until the operator resets.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import NamedTuple, Protocol

from handrail_drivers import plugins
from handrail_drivers.reflex import Act, Geometry, Reflex, Rule, Sight, Surroundings
from handrail_sim.cell import Cell

from handrail_bridge.loop.settings import GUARDS, LoopConfig


class Stop(Enum):
    """How to stop; all but the last two hold the arm afterwards (IEC 60204-1, 9.2.2)."""

    ON_PATH = "category 2: slow down on the checked path"
    WHERE_IT_IS = "category 2: hold the measured position at once"
    THEN_POWER_OFF = "category 1: slow down on the checked path, then take power off"
    POWER_OFF = "category 0: take power off at once"


class Trip(NamedTuple):
    """A rule that is broken: its name, the fault's code, what happened, and what follows.

    ``stop`` None: the motion is slowed down to ``speed_scale`` of what was checked.
    """

    name: str
    code: str
    reason: str
    stop: Stop | None = Stop.ON_PATH
    speed_scale: float = 1.0


class Guard(Protocol):
    """A rule that every loop has."""

    def look(self, sight: Sight) -> Trip | None:
        """Return what is broken, or None."""


class FromCell:
    """A rule of the cell file, with what it does."""

    def __init__(self, name: str, rule: Rule, reflex: Reflex) -> None:
        self._name, self._code = name, rule.kind
        self._reflex = reflex
        self._stop = None if rule.act is Act.SLOW else stop_of(rule.category, rule.on_path)
        self._scale = rule.speed_scale

    def look(self, sight: Sight) -> Trip | None:
        """Return what is broken; a reflex that fails is broken itself."""
        try:
            reason = self._reflex.look(sight)
        except Exception as error:  # noqa: BLE001  a plugin may raise anything: fail closed
            reason = f"the reflex itself failed: {error!r}"
            return Trip(self._name, self._code, f"{self._name}: {reason}")
        if reason is None:
            return None
        return Trip(self._name, self._code, f"{self._name}: {reason}", self._stop, self._scale)


def stop_of(category: int, on_path: bool = True) -> Stop:
    """Return the stop of a category."""
    if category == 2:
        return Stop.ON_PATH if on_path else Stop.WHERE_IT_IS
    return Stop.THEN_POWER_OFF if category == 1 else Stop.POWER_OFF


class Reflexes:
    """All rules of a loop, and which of them are latched."""

    def __init__(self, config: LoopConfig, guards: tuple[Guard, ...]) -> None:
        surroundings = Surroundings(
            config.joints, config.units, config.rate, lambda: _links(config)
        )
        self._names = config.reflexes
        self._rules: list[Guard] = [*guards]
        for name, given in config.rules.items():
            kind = plugins.reflexes.one(given["kind"])
            rule: Rule = kind.Settings.model_validate(given)
            self._rules.append(FromCell(name, rule, kind(rule, surroundings)))
        self.fired = 0  # bits by the rule's place
        self._demanding: set[str] = set()  # the cell's own rules that want a stop now

    def look(self, sight: Sight) -> list[Trip]:
        """Return every rule that is broken now, the gravest first."""
        return [trip for rule in self._rules if (trip := rule.look(sight))]

    def demand_anew(self, trips: list[Trip]) -> bool:
        """Tell whether a rule of the cell's own wants a stop that wanted none the last time."""
        if not trips and not self._demanding:
            return False  # as on nearly every tick
        before = self._demanding
        demanding = (trip.name for trip in trips if trip.stop is not None)
        self._demanding = {name for name in demanding if name not in GUARDS}
        return bool(self._demanding - before)

    def latch(self, trip: Trip) -> bool:
        """Remember that a rule fired; tell whether that is news."""
        bit = 1 << self._names.index(trip.name)
        news = not self.fired & bit
        self.fired |= bit
        return news

    def reset(self) -> None:
        """Forget what fired: an act of the operator."""
        self.fired = 0


def _links(config: LoopConfig) -> Geometry:
    """Load the twin's geometry; only a loop with zones pays for it."""
    from handrail_sim.links import Links

    cell = Cell.model_validate(config.cell)
    return Links(cell.model_copy(update={"folder": Path(config.folder)}))
