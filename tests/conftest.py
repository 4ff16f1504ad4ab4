"""What every test needs: rendering without a screen, chosen before MuJoCo is first imported."""

import os

os.environ.setdefault("MUJOCO_GL", "egl")
