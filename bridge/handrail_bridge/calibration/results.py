"""What a calibration found, as the part of a cell file that it goes into."""

from __future__ import annotations

import math
from collections.abc import Sequence

import mujoco
import numpy as np

from handrail_bridge.calibration.hand_eye import HandEye
from handrail_bridge.calibration.seeing import Array, Fit

BEHIND = np.array((1.0, -1.0, -1.0))  # a cell's camera looks along -z, +y up


def lens_part(camera: str, fit: Fit) -> str:
    """Return the cell file's table of a camera's lens."""
    lens = fit.lens
    return "\n".join(
        [
            f"# `handrail calibrate camera`: {len(fit.off)} pictures, off by {fit.error:.2f} px",
            f"[cameras.{camera}.lens]",
            f"focal = {_list(lens.focal, 2)}",
            f"center = {_list(lens.center, 2)}",
            f"distortion = {_list(lens.distortion, 5)}",
            "",
        ]
    )


def place_part(camera: str, found: HandEye, on_arm: bool) -> str:
    """Return the keys of a camera's place; for one on the arm as a comment, no cell has those."""
    position, quaternion = place(found.camera)
    turn, shift = math.degrees(found.spread[0]), found.spread[1] * 1e3
    told = [
        f"# `handrail calibrate hand-eye`: {len(found.off)} pictures, off by {found.error:.2f} px;"
        f" known to {shift:.1f} mm and {turn:.2f} deg (one standard deviation)"
    ]
    keys = [f"position = {_list(position, 5)}", f"quaternion = {_list(quaternion, 6)}"]
    if on_arm:
        told.append("# In the TCP's frame: a cell has no camera on the arm yet.")
        keys = [f"# {key}" for key in keys]
    else:
        told.append(f"# of [cameras.{camera}]")
    return "\n".join([*told, *keys, ""])


def place(pose: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return a camera's pose (4, 4) as a cell has it: position [m], quaternion w x y z."""
    quaternion = np.zeros(4)
    mujoco.mju_mat2Quat(quaternion, (pose[:3, :3] * BEHIND).ravel())
    return tuple(pose[:3, 3].tolist()), tuple(quaternion.tolist())


def _list(values: Sequence[float], digits: int) -> str:
    return "[" + ", ".join(f"{value:.{digits}f}" for value in values) + "]"
