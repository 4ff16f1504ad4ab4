"""What every test needs: rendering without a screen, properties that no clock judges."""

import os

os.environ.setdefault("MUJOCO_GL", "egl")  # before MuJoCo is first imported

from hypothesis import settings

settings.register_profile("no clock", deadline=None)  # a busy machine is no counter-example
settings.load_profile("no clock")
