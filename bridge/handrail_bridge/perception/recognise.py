"""Which of the cell's objects a pipeline's sightings are."""

from __future__ import annotations

from collections.abc import Mapping

from handrail_bridge.perception.result import Seen, Sighting
from handrail_bridge.vision import Detection

Area = tuple[float, float, float, float]  # x_min x_max y_min y_max [m]


def recognised(seen: Seen, colors: Mapping[str, str], search: Area) -> list[Detection]:
    """Return the sightings whose label is a colour of the cell's objects, within an area."""
    x_min, x_max, y_min, y_max = search
    found = []
    for one in seen.sightings:
        if one.label not in colors or one.position is None:
            continue
        x, y, _ = one.position
        if x_min <= x <= x_max and y_min <= y <= y_max:
            where = colors[one.label], one.position, one.yaw or 0.0
            found.append(Detection(*where, _on_the_table(one), one.turn_sigma or 0.0))
    return found


def _on_the_table(one: Sighting) -> tuple[float, float, float]:
    if one.covariance is None:
        return 0.0, 0.0, 0.0
    (xx, xy, _), (_, yy, _), _ = one.covariance
    return xx, xy, yy
