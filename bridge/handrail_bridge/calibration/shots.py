"""Pictures of a tag with the arm's joints: taken from a running bridge, kept in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from handrail_drivers.errors import InvalidRequest, InvalidValue, Refused
from handrail_sim.camera import Camera
from handrail_sim.cell import Cell
from handrail_sim.world import Scene, load_model

from handrail_bridge.calibration.hand_eye import Shot
from handrail_bridge.calibration.seeing import Array, View, seen
from handrail_bridge.calibration.targets import Target
from handrail_bridge.client import Client
from handrail_bridge.vision import imaging
from handrail_bridge.vision.imaging import Image

ENDINGS = (".bmp", ".jpeg", ".jpg", ".png")
STILL = 0.005  # rad (m), by which a joint that stands may read otherwise
AGAIN = "wait until it stands, and take the picture again"


class Tcp:
    """Where a cell's TCP is, from its joints."""

    def __init__(self, cell: Cell) -> None:
        model = load_model(cell)
        self._names = cell.arm.joints
        self._scene, self._data = Scene(model, cell), mujoco.MjData(model)

    def pose(self, joints: Mapping[str, float]) -> Array:
        """Return its pose (4, 4) in the world's frame with the arm's joints at positions [rad].

        Raises:
            InvalidValue: a joint is missing.
        """
        if missing := [name for name in self._names if name not in joints]:
            raise InvalidValue(
                f"The joint {missing[0]} is missing.", field=missing[0], choices=self._names
            )
        self._scene.set_joints(self._data.qpos, [joints[name] for name in self._names])
        mujoco.mj_kinematics(self._scene.model, self._data)
        position, quaternion = self._scene.tcp_pose(self._data)
        turn = np.zeros(9)
        mujoco.mju_quat2Mat(turn, quaternion)
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = turn.reshape(3, 3), position
        return pose


async def take(rail: Client, camera: str, folder: Path) -> Path:
    """Keep a picture taken from now on, and the joints beside it; return the picture's file.

    Raises:
        Refused: the arm does not stand while the picture is taken.
    """
    joints = await _standing(rail)
    frame = await rail.grab(camera, "png")
    off = {name: abs(now - joints[name]) for name, now in (await _standing(rail)).items()}
    most = max(off, key=lambda name: off[name])
    if off[most] > STILL:
        raise Refused(
            f"{most} has moved while the picture was taken.",
            field=most,
            value=round(off[most], 4),
            limit=STILL,
            unit="rad",
            hint=AGAIN,
        )
    return keep(frame.image, joints, folder)


async def _standing(rail: Client) -> dict[str, float]:
    state: dict[str, Any] = await rail.call("arm_state")
    if state["mode"] in ("moving", "stopping"):
        raise Refused("The arm moves.", field="mode", value=state["mode"], hint=AGAIN)
    return {name: joint["position"] for name, joint in state["joints"].items()}


def keep(picture: bytes, joints: Mapping[str, float], folder: Path) -> Path:
    """Write an encoded picture and the joints [rad] beside it; return the picture's file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(pictures_of(folder)) + 1:03d}.png"
    path.write_bytes(picture)
    path.with_suffix(".json").write_text(json.dumps({"joints": dict(joints)}, indent=1))
    return path


def load(folder: Path, target: Target, tcp: Tcp) -> tuple[list[Shot], Image]:
    """Return a folder's shots in which the tag is seen, and its last picture.

    Raises:
        InvalidRequest: there are no pictures, or one has no joints beside it.
    """
    shots, found = [], views_of(folder, target)
    for path, _, view in found:
        beside = path.with_suffix(".json")
        if not beside.is_file():
            raise InvalidRequest(f"{path} has no {beside.name} with the joints beside it.")
        if view is not None:
            shots.append(Shot(view, tcp.pose(json.loads(beside.read_text())["joints"])))
    return shots, found[-1][1]


def views_of(folder: Path, target: Target) -> list[tuple[Path, Image, View | None]]:
    """Return every picture of a folder, and what is seen of a target in it.

    Raises:
        InvalidRequest: there are no pictures.
        InvalidValue: a file holds none, or one of another size than those before.
    """
    found: list[tuple[Path, Image, View | None]] = []
    for path in pictures_of(folder):
        image = imaging.decode(path.read_bytes())
        if found and image.shape != found[0][1].shape:
            raise InvalidValue(f"{path} is of another size than {found[0][0]}.", field="pictures")
        found.append((path, image, seen(target, image)))
    if not found:
        raise InvalidRequest(f"There is no picture in {folder}.", field="pictures")
    return found


def pictures_of(folder: Path) -> list[Path]:
    """Return a folder's picture files by name.

    Raises:
        InvalidRequest: there is no such folder.
    """
    if not folder.is_dir():
        raise InvalidRequest(f"There is no folder {folder}.", field="pictures")
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS)


def require_size(image: Image, camera: Camera, field: str) -> None:
    """Refuse a picture that is not of the size which the cell gives its camera.

    Raises:
        InvalidValue: it is not; a lens or a place found on it would be another camera's.
    """
    height, width = image.shape[:2]
    if (width, height) != (camera.width, camera.height):
        raise InvalidValue(
            f"A picture has {width} x {height} pixels, the cell's camera other ones.",
            field=field,
            value=(width, height),
            limit=(camera.width, camera.height),
            unit="{pixel}",
            hint="take them with the camera as the cell has it",
        )
