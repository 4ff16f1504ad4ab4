"""What a cell says of a Grbl controller, and what the controller's own settings have to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from handrail_drivers.errors import DeviceFault
from handrail_drivers.gcode.axes import AXES, MM, GantrySettings, Travel
from handrail_drivers.grbl import words

# By number: what a setting has to be, as a test and in words.
NEEDED: dict[int, tuple[Callable[[int], bool], str]] = {
    words.INCHES: (lambda value: value == 0, "0, so that it reports millimetres"),
    words.REPORTS: (lambda value: bool(value & 1), "1, so that it reports machine coordinates"),
    words.HOMING: (lambda value: bool(value & 1), "1, so that it is locked until it is homed"),
    words.SOFT_LIMITS: (lambda value: value == 1, "1, so that it refuses what is beyond its way"),
    words.IDLE_DELAY: (lambda value: value == 255, "255, so that its steppers hold at rest"),
}


class GrblSettings(GantrySettings):
    """A Grbl 1.1 controller. Homed, it is at 0 or below on every axis."""


def travel_of(name: str, given: GantrySettings, found: Mapping[int, float]) -> Travel:
    """Return what the controller's settings, by number, say.

    Raises:
        DeviceFault: with these it would move otherwise than it is told; names the setting.
    """
    for number, (is_right, wanted) in NEEDED.items():
        if number not in found or not is_right(int(found[number])):
            raise DeviceFault(
                f"{name} has ${number}={found.get(number, 0):g}; it has to be {wanted}.",
                subject=name,
                field=f"${number}",
                value=found.get(number),
                hint="change it with a terminal, as Grbl's settings are",
            )
    axes = {joint: (AXES.index(one.axis), one.zero) for joint, one in given.joints.items()}
    accelerations = [_found(name, found, words.ACCELERATION + axis) for axis, _ in axes.values()]
    ranges = {
        joint: (-_found(name, found, words.TRAVEL + axis) - zero, -zero)
        for joint, (axis, zero) in axes.items()
    }
    return Travel(ranges, min(accelerations))


def _found(name: str, found: Mapping[int, float], number: int) -> float:
    """Return a length [m] that has to be told, and more than nothing."""
    value = found.get(number, 0.0) / MM
    if value <= 0:
        raise DeviceFault(f"{name} does not tell ${number}.", subject=name, field=f"${number}")
    return value
