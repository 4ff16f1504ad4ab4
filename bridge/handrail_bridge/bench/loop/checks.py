"""Checks the same plan again and again, as a bridge's checker does: ``python -m ... PARENT``.

Prints a line once the first is done; ends with its parent.
"""

from __future__ import annotations

import json
import os
import sys

from handrail_sim.cell_file import load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.lifeline import die_with

from handrail_bridge.rail.check_process import NICE
from handrail_bridge.rail.requests import parse_plan

THERE = {"tool": "arm_move_joints", "positions": {"shoulder_pan": 0.8}, "speed": 0.15}
BACK = {"tool": "arm_move_joints", "positions": {"shoulder_pan": -0.8}, "speed": 0.15}


def main() -> None:
    """Check some 14 s of motion, for ever."""
    die_with(int(sys.argv[1]))
    os.nice(NICE)
    cell = load_cell("desk")
    plan = parse_plan(json.dumps({"steps": [THERE, BACK]}), cell)
    checker = Checker(cell)
    start = checker.at_home()
    checker.check(plan, start)
    print("begun", flush=True)  # noqa: T201  for who waits
    while True:
        checker.check(plan, start)


if __name__ == "__main__":
    main()
