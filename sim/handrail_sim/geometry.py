"""The world as shapes with a reach: MuJoCo's contacts tell how far apart things are.

Between two boxes MuJoCo tells exactly how deep they are in one another, but not how far they
are apart (wrong by up to 15 mm in a trial). A mesh goes another way, which does: obstacles
are meshes here (then within 1 mm, and as fast).
"""

from __future__ import annotations

import itertools

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.forces import stands
from handrail_sim.world import load_spec


def geometry(cell: Cell, reach: float) -> mujoco.MjModel:
    """Return the world with a reach [m]: geoms as in the belief's model, by number."""
    spec = load_spec(cell)
    for body in _obstacles(spec, cell):
        for number, geom in enumerate(body.geoms):
            if geom.type == mujoco.mjtGeom.mjGEOM_BOX:
                _as_mesh(spec, geom, f"{body.name}/box {number}")
    model = spec.compile()
    model.geom_margin[:] = reach / 2  # MuJoCo adds the two geoms' margins
    model.pair_margin[:] = reach  # of pairs that the file names, which have their own
    model.body_margin[:] = reach  # what it looks for at all; compiled from the margins in the file
    return model


def _obstacles(spec: mujoco.MjSpec, cell: Cell) -> list[mujoco.MjsBody]:
    """Return what stands, named by the cell or not: all but tables and what carries the arm."""
    carries = spec.joint(cell.arm.joints[0]).parent.parent.name
    others = {"world", carries, *cell.check.tables}
    return [body for body in spec.bodies if stands(body) and body.name not in others]


def _as_mesh(spec: mujoco.MjSpec, box: mujoco.MjsGeom, name: str) -> None:
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    mesh = spec.add_mesh(name=name)
    mesh.uservert = (corners * box.size).ravel()
    box.type, box.meshname = mujoco.mjtGeom.mjGEOM_MESH, name
