"""Becomes a programmer that dies with the process that started it, however that ends.

Meanwhile its port is locked: no SerialPort opens it. It is so here and not in the parent, since
opening it is what resets many boards, whose bootloader listens for a second then.

``python -m handrail_bridge.firmware.child PARENT PORT COMMAND...``
"""

import os
import sys

from handrail_drivers.errors import BusLost
from handrail_drivers.serial_port import KeptPort
from handrail_sim.lifeline import die_with


def main() -> None:
    """Lock the port and become the command; its error is told as a programmer's would be."""
    parent, port, *command = sys.argv[1:]
    die_with(int(parent))
    try:
        kept = KeptPort(port)
        kept.lock()
    except BusLost as error:
        raise SystemExit(f"error: {error.message}") from None
    os.execvp(command[0], command)  # noqa: S606 # the command is one of boards.py


if __name__ == "__main__":
    main()
