"""The cell that is struck: for each class of fault one rule that notices it, and none before."""

from __future__ import annotations

import json
from pathlib import Path

from handrail_sim.cell_file import load_cell

from handrail_bridge.bench.faults.strikes import MOVING

PICTURE = 1.0  # s: the oldest picture with which the arm may move

EYES = f"""
[reflexes.eyes]
kind = "stale_sensor"
signal = "overhead"
age = {PICTURE}
"""
BUTTON = "[reflexes.emergency_stop]\n"


def watched(file: Path, like: Path) -> Path:
    """Write a cell file like another one, whose arm moves only while its camera sees.

    It does not feel contact at the joint that moves, so that the tube has to notice; nor does it
    miss the button, whose poller dies with the bridge, so that the loop has to notice that.
    """
    cell = load_cell(like)
    others = [joint for joint in cell.arm.all_joints if joint != MOVING]
    numb = f"[reflexes.contact]\njoints = {json.dumps(others)}\n"
    before, rule = like.read_text().replace("[reflexes.contact]\n", numb).split(BUTTON)
    _, after = rule.split("\n\n", 1)
    file.write_text(before + after + EYES)
    return file
