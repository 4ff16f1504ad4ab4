"""What scripted policies are made of: calls of tools, and what is made of the answers."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from typing import Any

Step = dict[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)


Script = Generator[Call, Answer, None]
Deed = Generator[Call, Answer, bool]


def turn(angle: float, speed: float = 1.0) -> Step:
    """Turn the base [rad]."""
    return {"tool": "arm_move_joints", "positions": {"shoulder_pan": angle}, "speed": speed}


def pose(position: Iterable[float], **more: Any) -> Step:
    """Bring the TCP to a position [m]."""
    return {"tool": "arm_move_to_pose", "position": list(position), **more}


def once(steps: list[Step], goal: list[Step] | None = None) -> Deed:
    """Check a plan and run it; return whether it ran to its end and met its goal, as measured."""
    checked = yield Call("plan_check", {"steps": steps, "goal": goal or []})
    if not checked.get("passed"):
        return False
    ran = yield Call("plan_run", {"plan": checked["plan"]})
    return bool(ran.get("completed") and ran.get("goal_met"))
