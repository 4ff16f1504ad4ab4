"""Finds faults of what a cell demands of plans: its planner, the tools that need a person."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from pathlib import Path

from handrail_drivers import plugins

from handrail_sim.demands import ToolName
from handrail_sim.model_faults import Data, Fault, nearest, table

STEPS: tuple[str, ...] = typing.get_args(ToolName)


def demand_faults(data: Data, _find_file: Callable[[str], Path]) -> Iterator[Fault]:
    """Yield every fault of them."""
    name = table(data, "check").get("planner", "rrt_connect")
    found = plugins.planners.names()
    if isinstance(name, str) and name not in found:
        yield Fault(("check", "planner"), f"no planner {name!r}.{nearest(name, found)}")
    named = table(data, "approval").get("tools", ())
    for index, tool in enumerate(named if isinstance(named, list) else ()):
        if isinstance(tool, str) and tool not in STEPS and not _of_device(data, tool):
            text = "is neither a step of plans nor <device>_<tool> of a device that has tools"
            yield Fault(("approval", "tools", index), f"{tool!r} {text}.{nearest(tool, STEPS)}")


def _of_device(data: Data, tool: str) -> bool:
    """Tell whether a device could have it. The arm's buses have none: a loop owns them."""
    arm = table(data, "arm")
    buses = {arm.get("device"), arm.get("gripper_device"), *table(arm, "external").values()}
    return any(tool.startswith(f"{name}_") for name in table(data, "devices") if name not in buses)
