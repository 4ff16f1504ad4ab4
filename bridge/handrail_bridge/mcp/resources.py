"""What an MCP client can read without a call: the cell, its safety, its calibration, verdicts."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import mcp_types as types

from handrail_bridge.agents.toolset import ToolSet

MIME = "application/json"
VERDICTS = 16  # the last ones


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing to read: always JSON, SI units."""

    uri: str
    name: str
    description: str
    read: Callable[[], Awaitable[Any]]

    def listed(self) -> types.Resource:
        """Return how it is listed."""
        return types.Resource(
            uri=self.uri, name=self.name, description=self.description, mime_type=MIME
        )

    async def contents(self) -> types.ReadResourceResult:
        """Return what it says now."""
        text = json.dumps(await self.read(), indent=1)
        part = types.TextResourceContents(uri=self.uri, mime_type=MIME, text=text)
        return types.ReadResourceResult(contents=[part])


def resources(tools: ToolSet) -> dict[str, Resource]:
    """Return the resources of a tool set's cell, by address."""

    async def cell() -> dict[str, Any]:
        return (await tools.observing.description()).model_dump(mode="json")

    async def described() -> dict[str, Any]:
        return (await tools.observing.description()).cell

    async def safety() -> dict[str, Any]:
        return safety_of(await described())

    async def calibration() -> dict[str, Any]:
        return calibration_of(await described())

    async def verdicts() -> list[Any]:
        return [plan.told().model_dump(mode="json") for plan in tools.plans][-VERDICTS:]

    found = (
        Resource("handrail://cell", "cell", "arm, objects, regions, obstacles, tools", cell),
        Resource(
            "handrail://safety",
            "safety envelope",
            "joint limits, zones, forces, clearances, reflexes, what a person has to approve",
            safety,
        ),
        Resource("handrail://calibration", "calibration", "cameras and arm", calibration),
        Resource("handrail://verdicts", "last verdicts", "of the plans checked lately", verdicts),
    )
    return {one.uri: one for one in found}


def safety_of(cell: dict[str, Any]) -> dict[str, Any]:
    """Return what of a cell bounds its motion."""
    arm, loop = cell["arm"], cell["loop"]
    return {
        "joint_limits": arm["limits"],
        "payload": arm["payload"],
        "zones": cell["zones"],
        "reflexes": cell["reflexes"],
        "check": cell["check"],
        "permits": cell["permits"],
        "approval": cell["approval"],
        "stop": {name: loop[name] for name in ("stop_category", "stop_time", "tube", "silence")},
    }


def calibration_of(cell: dict[str, Any]) -> dict[str, Any]:
    """Return where cameras and arm are, and how the arm's servos are believed to be."""
    arm = cell["arm"]
    names = ("joints", "gripper", "axis", "tcp", "frame", "home", "rest", "servo")
    return {"cameras": cell["cameras"], "arm": {name: arm[name] for name in names}}
