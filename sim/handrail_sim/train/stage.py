"""The desk's model with everything that a training picture varies, by name."""

from __future__ import annotations

import mujoco
import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.train import hands
from handrail_sim.train.textures import SIDE, bank
from handrail_sim.world import Scene, load_spec

CUBES, CLUTTER, SHEETS, TEXTURES = 6, 9, 4, 24
AWAY = (0.0, 0.0, -9.0)  # m: out of every picture
HIDDEN = 4  # group of geoms that nobody draws: one far away costs as much as one that is seen
OWN = ("table", "post", "red_bin", "blue_bin", "so101/printed", "so101/servo")


class Stage:
    """A model with spare bodies on strings (mocap): cubes, clutter, flat sheets, a hand, a floor.

    ``bodies`` and ``materials`` are ids by name, ``mocap`` the mocap number by body name.
    """

    def __init__(self, cell: Cell, rng: np.random.Generator) -> None:
        spec = load_spec(cell)
        _add_textures(spec)
        for number in range(CUBES):
            _add(spec, f"cube{number}", 1)
        for number in range(CLUTTER):
            _add(spec, f"clutter{number}", 2)
        for number in range(SHEETS):
            _add(spec, f"sheet{number}", 1)
        _add(spec, "floor", 1)
        _add(spec, "person", hands.PARTS)
        spec.visual.global_.offwidth, spec.visual.global_.offheight = 1024, 1024
        _cheapen(spec)
        self.model = spec.compile()
        self.model.geom_sameframe[:] = (
            0  # compiled at their bodies' origins, geoms would stay there
        )
        self.model.tex_data[:] = bank(rng, self.model)
        self.data = mujoco.MjData(self.model)
        self.scene = Scene(self.model, cell)
        self.cell = cell
        self.mocap = {
            self.model.body(body).name: int(self.model.body_mocapid[body])
            for body in range(self.model.nbody)
            if self.model.body_mocapid[body] >= 0
        }
        for name in cell.objects:  # the spare cubes are the cubes
            self.scene.set_object(self.data, name, AWAY, (1.0, 0.0, 0.0, 0.0))

    def geoms(self, body: str) -> list[int]:
        """Return the geoms of a body."""
        found = self.model.body(body)
        return list(range(found.geomadr[0], found.geomadr[0] + found.geomnum[0]))

    def put(self, body: str, position: object, quaternion: object = (1.0, 0.0, 0.0, 0.0)) -> None:
        """Put a spare body somewhere; :data:`AWAY` takes it out of the picture."""
        self.data.mocap_pos[self.mocap[body]] = position
        self.data.mocap_quat[self.mocap[body]] = quaternion
        self.model.geom_group[self.geoms(body)] = HIDDEN if position is AWAY else 0

    def paint(self, material: str, color: object, texture: int = -1, repeat: float = 1.0) -> None:
        """Give a material a colour and a texture of the bank; -1: none."""
        number = self.model.material(material).id
        self.model.mat_rgba[number, :3] = color
        found = -1 if texture < 0 else self.model.texture(f"bank{texture}").id
        self.model.mat_texid[number, mujoco.mjtTextureRole.mjTEXROLE_RGB] = found
        self.model.mat_texrepeat[number] = repeat

    def settle(self) -> None:
        """Work out where everything is, lights and cameras included."""
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)


def _cheapen(spec: mujoco.MjSpec) -> None:
    """Fewer facets and coarser shadows: on a processor a picture costs half, and looks alike."""
    quality = spec.visual.quality
    quality.offsamples, quality.shadowsize = 0, 512
    quality.numslices, quality.numstacks, quality.numquads = 16, 8, 2


def _add(spec: mujoco.MjSpec, name: str, count: int) -> None:
    body = spec.worldbody.add_body(name=name, mocap=True, pos=AWAY)
    for number in range(count):
        spec.add_material(name=f"{name}/{number}", specular=0.2, shininess=0.2)
        body.add_geom(
            name=f"{name}/{number}",
            type=mujoco.mjtGeom.mjGEOM_BOX,
            size=(0.01, 0.01, 0.01),
            material=f"{name}/{number}",
            contype=0,
            conaffinity=0,
        )


def _add_textures(spec: mujoco.MjSpec) -> None:
    for number in range(TEXTURES):
        spec.add_texture(
            name=f"bank{number}",
            type=mujoco.mjtTexture.mjTEXTURE_2D,
            builtin=mujoco.mjtBuiltin.mjBUILTIN_FLAT,
            width=SIDE,
            height=SIDE,
        )
