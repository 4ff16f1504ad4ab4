"""What a cell says of a controller with Marlin, and what the controller has to say of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handrail_drivers.errors import DeviceFault
from handrail_drivers.gcode.axes import MM, GantrySettings, Travel
from handrail_drivers.marlin import words


class MarlinSettings(GantrySettings):
    """A controller with Marlin 2, built with M114_REALTIME and EMERGENCY_PARSER."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What it says of itself: its travel, the steps a metre of its axes, how it is stopped."""

    travel: Travel
    steps: Mapping[str, float]
    stops_at_once: bool


def machine_of(
    name: str, given: GantrySettings, identity: Sequence[str], settings: Sequence[str]
) -> Machine:
    """Return what the answers to M115, and to M503 and M211, say.

    Raises:
        DeviceFault: it is no such machine, or would move otherwise than it is told.
    """
    first = " ".join(identity)
    told, limits = words.settings_of(settings), words.limits_of(settings)
    _require(name, "FIRMWARE_NAME:Marlin" in first, "M115", "it has to be Marlin")
    cartesian = "KINEMATICS:" not in first or "KINEMATICS:Cartesian" in first
    _require(name, cartesian, "KINEMATICS", "its axes have to be Cartesian")
    _require(name, "G20" not in told, "G20", "it has to be set to millimetres (G21)")
    is_bounded = limits is not None and told.get("M211", {}).get("S") == 1
    _require(name, is_bounded, "M211", "its software endstops have to be on (M211 S1)")
    axes = {joint: (one.axis, one.zero) for joint, one in given.joints.items()}
    used: list[str] = [axis for axis, _ in axes.values()]
    accelerations = [told.get("M201", {}).get(axis, 0.0) for axis in used]
    accelerations.append(told.get("M204", {}).get("T", 0.0))
    _require(name, min(accelerations) > 0, "M201", "M503 has to tell accelerations (M201, M204 T)")
    steps = {axis: told.get("M92", {}).get(axis, 0.0) * MM for axis in used}
    _require(name, min(steps.values()) > 0, "M92", "M503 has to tell steps per unit (M92)")
    ranges = {
        joint: (limits[axis][0] - zero, limits[axis][1] - zero)
        for joint, (axis, zero) in axes.items()
        if limits is not None
    }
    at_once = words.AT_ONCE in words.capabilities_of(identity)
    return Machine(Travel(ranges, min(accelerations) / MM), steps, at_once)


def _require(name: str, is_right: bool, field: str, wanted: str) -> None:
    if not is_right:
        raise DeviceFault(
            f"{name} cannot be used as it is set up: {wanted}.",
            subject=name,
            field=field,
            hint="change it with a terminal, or in its configuration, as Marlin's are",
        )
