"""Becomes a programmer that dies with the process that started it, however that ends.

``python -m handrail_bridge.firmware.child PARENT COMMAND...``
"""

import os
import sys

from handrail_sim.lifeline import die_with

if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 # the command is one of boards.py
