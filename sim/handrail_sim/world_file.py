"""The cell's world as an editable model: its MJCF file, with what the cell says beyond it."""

from __future__ import annotations

from pathlib import Path

import mujoco
from handrail_drivers.errors import InvalidCell

from handrail_sim.cell import Cell
from handrail_sim.coupling import in_spec
from handrail_sim.joint_names import name_joints, rename_joints
from handrail_sim.world_demands import name_bodies, require_physics

WORLDS = Path(__file__).parent / "worlds"
# What defaults of a model can say of servos, and of obstacles that become meshes.
ADDED = {
    "actuator": (
        "gear",
        "ctrllimited",
        "ctrlrange",
        "actlimited",
        "actrange",
        "actdim",
        "actearly",
        "dyntype",
        "inheritrange",
        "cranklength",
        "damping",
        "armature",
        "delay",
        "nsample",
    ),
    "mesh": ("scale", "inertia"),
}


def load_spec(cell: Cell) -> mujoco.MjSpec:
    """Return the editable model of the cell's world: MJCF, time step and the cell's cameras.

    The file is looked for in the cell's folder, then among the shipped worlds.

    Raises:
        InvalidCell: there is no such file, or MuJoCo cannot read it.
    """
    places = (cell.folder / cell.world.model, WORLDS / cell.world.model)
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise InvalidCell(
            f"world.model: there is no file {cell.world.model!r}.",
            field="world.model",
            value=cell.world.model,
            choices=sorted(world.name for world in WORLDS.glob("*.xml")),
        )
    try:
        spec = mujoco.MjSpec.from_file(str(path))
    except ValueError as error:
        raise InvalidCell(f"world.model: {path}: {error}", field="world.model") from error
    require_physics(spec)
    name_bodies(spec)
    name_joints(spec)
    for part in (*spec.keys, *spec.sensors, *spec.actuators):
        spec.delete(part)  # keys are of all joints; the cell's own servos and sensors are added
    _forget_defaults(spec)
    for body in spec.bodies:
        body.gravcomp = 0  # the cell's servos carry the arm, and nothing floats
    rename_joints(spec, cell.world.joints)
    spec.option.timestep = cell.world.timestep
    # Of the others, none bears a servo that is stiff for its link.
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    _hold_the_rest(spec, cell)
    _part_from_base(spec, cell)
    _add_tcp(spec, cell)
    _add_tips(spec, cell)
    _add_cameras(spec, cell)
    return spec


def shape_files(path: Path) -> list[Path]:
    """Return the files of the meshes and height fields that an MJCF file names."""
    spec = mujoco.MjSpec.from_file(str(path))
    folder = path.parent / spec.meshdir
    return [folder / shape.file for shape in (*spec.meshes, *spec.hfields) if shape.file]


def _forget_defaults(spec: mujoco.MjSpec) -> None:
    """What the model says of its own motors and meshes is not to be so of those that are added."""
    plain = mujoco.MjSpec().default
    for kind, parts in ADDED.items():
        for part in parts:
            setattr(getattr(spec.default, kind), part, getattr(getattr(plain, kind), part))


def _hold_the_rest(spec: mujoco.MjSpec, cell: Cell) -> None:
    """Make joints rigid that the cell does not name, such as the fingers of a foreign model."""
    free = {thing.body for thing in cell.objects.values()}
    coupled = list(in_spec(spec, cell.arm.all_joints))
    ours = {*cell.arm.all_joints, *(name for _, name in coupled)}
    foreign = [
        joint for joint in spec.joints if joint.name not in ours and joint.parent.name not in free
    ]
    if not foreign:
        return
    kept = {equality.name for equality, _ in coupled}
    others = [equality for equality in spec.equalities if equality.name not in kept]
    for part in (*others, *spec.tendons):
        spec.delete(part)
    for joint in foreign:
        spec.delete(joint)


def _part_from_base(spec: mujoco.MjSpec, cell: Cell) -> None:
    """Let the first link turn in the base: MuJoCo spares neighbours, unless one stands still."""
    joint = spec.joint(cell.arm.joints[0])
    if joint is not None and joint.parent.parent.name != "world":
        spec.add_exclude(bodyname1=joint.parent.parent.name, bodyname2=joint.parent.name)


def _add_tcp(spec: mujoco.MjSpec, cell: Cell) -> None:
    frame = cell.arm.frame
    if frame is None:
        return
    body = _body(spec, frame.body, "arm.frame")
    body.add_site(name=cell.arm.tcp, pos=frame.position, quat=frame.quaternion)


def _add_tips(spec: mujoco.MjSpec, cell: Cell) -> None:
    if (tips := cell.arm.tips) is None:
        return
    for name, tip in ("fixed", tips.fixed), ("moving", tips.moving):
        body = _body(spec, tip.body, f"arm.tips.{name}")
        body.add_site(name=f"{name}_tip", pos=tip.position)


def _body(spec: mujoco.MjSpec, name: str, key: str) -> mujoco.MjsBody:
    body = spec.body(name)
    if body is None:
        raise InvalidCell(
            f"{key}: the world has no body {name!r}.",
            field=f"{key}.body",
            value=name,
            choices=sorted(body.name for body in spec.bodies if body.name),
        )
    return body


def _add_cameras(spec: mujoco.MjSpec, cell: Cell) -> None:
    for name, camera in cell.cameras.items():
        spec.worldbody.add_camera(
            name=name, pos=camera.position, quat=camera.quaternion, fovy=camera.fovy
        )
