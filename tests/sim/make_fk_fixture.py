"""Write fixtures/so101_fk.npz from the open SO-101 model: python make_fk_fixture.py MODEL.xml.

The fixture holds what that model says, so that the tests of ours need not have it at hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

FIXTURE = Path(__file__).parent / "fixtures" / "so101_fk.npz"
JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
POSES, GRAVITY_POSES = 1000, 200


def reference_poses(path: Path) -> dict[str, NDArray[np.float64]]:
    """Return random joint vectors in range and what the model at ``path`` makes of them.

    ``joints`` (1000, 6) [rad]; ``gripper_position`` (1000, 3) [m] and ``gripper_rotation``
    (1000, 3, 3) of the gripper's body and ``frame_position`` (1000, 3) of its site
    ``gripperframe``, all in the base's frame; ``gravity`` (200, 6) [N.m] for the first 200.
    """
    model = mujoco.MjModel.from_xml_path(str(path))
    data = mujoco.MjData(model)
    low, high = np.array([model.joint(name).range for name in JOINTS]).T
    joints = np.random.default_rng(101).uniform(low, high, (POSES, len(JOINTS)))
    address = [int(model.joint(name).qposadr[0]) for name in JOINTS]
    dofs = [int(model.joint(name).dofadr[0]) for name in JOINTS]
    position, rotation, frame, gravity = [], [], [], []
    for row in joints:
        data.qpos[address] = row
        mujoco.mj_forward(model, data)
        gripper, base = data.body("gripper"), data.body("base")
        position.append(gripper.xpos - base.xpos)
        rotation.append(gripper.xmat.reshape(3, 3).copy())
        frame.append(data.site("gripperframe").xpos - base.xpos)
        gravity.append(data.qfrc_bias[dofs].copy())
    return {
        "joints": joints,
        "gripper_position": np.array(position),
        "gripper_rotation": np.array(rotation),
        "frame_position": np.array(frame),
        "gravity": np.array(gravity[:GRAVITY_POSES]),
    }


if __name__ == "__main__":
    np.savez_compressed(FIXTURE, **reference_poses(Path(sys.argv[1])))
