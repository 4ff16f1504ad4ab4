"""Where regions are: which one a point lies in, and which a container's walls make."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import mujoco

from handrail_sim.cell import Cell, Region
from handrail_sim.verdict import ObjectBelief
from handrail_sim.world import Array


def region_of(cell: Cell, position: Sequence[float] | Array) -> str | None:
    """Return the first region that contains a point of the world's frame, or None."""
    return next((name for name, box in cell.regions.items() if inside(box, position)), None)


def inside(region: Region, position: Sequence[float] | Array) -> bool:
    """Tell whether a point of the world's frame lies in a region's box."""
    dx, dy, dz = (float(p) - c for p, c in zip(position, region.center, strict=True))
    cosine, sine = math.cos(region.yaw), math.sin(region.yaw)
    local = (cosine * dx + sine * dy, cosine * dy - sine * dx, dz)
    return all(abs(x) <= size / 2 for x, size in zip(local, region.size, strict=True))


def weighed(
    cell: Cell,
    sensors: Mapping[str, float],
    before: Mapping[str, ObjectBelief],
    now: Mapping[str, ObjectBelief],
) -> dict[str, float]:
    """Return what sensors will read: scales weigh what came to lie on them, and what left them."""
    found = dict(sensors)
    for region in cell.regions.values():
        if region.weight in found:
            found[region.weight] += _load(cell, region, now) - _load(cell, region, before)
    return found


def unweighed(cell: Cell, sensors: Mapping[str, float]) -> frozenset[str]:
    """Return the sensors that read something, and of which nobody can say what they will read."""
    scales = {region.weight for region in cell.regions.values()}
    return frozenset(name for name in sensors if name not in scales)


def _load(cell: Cell, region: Region, objects: Mapping[str, ObjectBelief]) -> float:
    """Return the mass [kg] of what lies in a region, as the cell has it."""
    lying = {name: one for name, one in objects.items() if one.held_pose is None}
    return sum(
        cell.objects[name].mass for name, one in lying.items() if inside(region, one.position)
    )


def container(model: mujoco.MjModel, body: str) -> Region:
    """Return the space between a container's walls, from its underside to the walls' top.

    Walls are the body's boxes that stand beside its centre; the body may be turned about z.
    """
    fixed = model.body(body)
    geoms = range(int(fixed.geomadr[0]), int(fixed.geomadr[0] + fixed.geomnum[0]))
    near, half = model.geom_pos[geoms], model.geom_size[geoms]
    inner_low = (near + half)[:, :2]  # a wall on the low side ends here
    inner_high = (near - half)[:, :2]
    low = [float(inner_low[inner_low[:, axis] < 0, axis].max()) for axis in (0, 1)]
    high = [float(inner_high[inner_high[:, axis] > 0, axis].min()) for axis in (0, 1)]
    top = float((near + half)[:, 2].max())
    yaw = 2 * math.atan2(fixed.quat[3], fixed.quat[0])
    middle = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2)
    x = fixed.pos[0] + math.cos(yaw) * middle[0] - math.sin(yaw) * middle[1]
    y = fixed.pos[1] + math.sin(yaw) * middle[0] + math.cos(yaw) * middle[1]
    size = (high[0] - low[0], high[1] - low[1], top)
    return Region(center=(x, y, fixed.pos[2] + top / 2), size=size, yaw=yaw, body=body)
