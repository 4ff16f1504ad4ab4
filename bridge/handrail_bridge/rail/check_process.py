"""The checker's process: it answers questions about plans until the bridge is gone.

``python -m handrail_bridge.rail.check_process PIPE_FD PARENT``; the cell is the first message.
"""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection
from typing import Any

from handrail_drivers.errors import HandrailError
from handrail_sim.check.checker import Checker
from handrail_sim.lifeline import die_with

NICE = 10


def main() -> None:
    """Answer questions until the bridge closes the pipe or dies."""
    die_with(int(sys.argv[2]))
    os.nice(NICE)
    with Connection(int(sys.argv[1])) as pipe:
        try:
            checker = Checker(pipe.recv())
        except HandrailError as error:
            pipe.send(error)
            return
        pipe.send(None)
        _serve(pipe, checker)


def _serve(pipe: Connection, checker: Checker) -> None:
    while True:
        try:
            method, arguments = pipe.recv()
        except EOFError:
            return
        pipe.send(_result(checker, method, arguments))


def _result(checker: Checker, method: str, arguments: tuple[Any, ...]) -> Any:
    try:
        return getattr(checker, method)(*arguments)
    except HandrailError as error:
        return error
    except Exception as error:  # noqa: BLE001 # a fault of the check refuses the plan, by name
        return HandrailError(f"The check failed by a fault of its own: {error!r}.")


if __name__ == "__main__":
    main()
