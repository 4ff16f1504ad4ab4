"""Becomes a programmer that dies with the process that started it, however that ends.

``python -m handrail_bridge.firmware.child PARENT COMMAND...``
"""

import os
import sys

from handrail_sim.lifeline import die_with


def main() -> None:
    """Become the command."""
    parent, *command = sys.argv[1:]
    die_with(int(parent))
    os.execvp(command[0], command)  # noqa: S606 # the command is one of boards.py


if __name__ == "__main__":
    main()
