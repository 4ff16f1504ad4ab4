"""Two policies without a model: one that works as it should, and one that does not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from handrail_sim.cell_file import load_cell
from inspect_robots.policy import PolicyBase, PolicyInfo
from inspect_robots.scene import Scene
from inspect_robots.spaces import ActionSemantics, Box
from inspect_robots.types import Action, ActionChunk, Observation

from handrail_bridge.evaluation import careful, careless
from handrail_bridge.evaluation.scripts import Call, Script

TOLD = 2000  # characters of a call or an answer, in the log
Plot = Callable[[Mapping[str, Any]], Script]


class Scripted(PolicyBase):
    """Plays a script for each scene; at its end it says that all is done, whatever is."""

    def __init__(self, name: str, plots: Mapping[str, Plot]) -> None:
        joints = load_cell("desk").arm.all_joints
        semantics = ActionSemantics("joint_pos", gripper="continuous", dim_labels=tuple(joints))
        self.info = PolicyInfo(name, Box((len(joints),), semantics=semantics))
        self._plots = plots
        self._scene = ""
        self._script: Script | None = None
        self._calls: list[dict[str, Any]] = []

    def reset(self, scene: Scene) -> None:
        """Begin the scene's script."""
        self._scene, self._script, self._calls = scene.id, None, []

    def act(self, observation: Observation) -> ActionChunk:
        """Return the script's next call."""
        stays = np.array(observation.state["joint_pos"])
        if self._calls:
            self._calls[-1]["answer"] = json.dumps(observation.extra["answer"])[:TOLD]
        try:
            call = self._next(observation.extra)
        except StopIteration:
            end = {"request_stop": True, "stop_reason": "I have done all of it."}
            return ActionChunk([Action(stays, end)])
        told = {"tool": call.tool, "arguments": call.arguments}
        self._calls.append({"call": json.dumps(told)[:TOLD]})
        return ActionChunk([Action(stays, {"call": told})])

    def transcript(self) -> list[dict[str, Any]]:
        """Return what was called and what it gave, for the framework's log."""
        return [dict(call) for call in self._calls]

    def _next(self, extra: Mapping[str, Any]) -> Call:
        if self._script is None:
            self._script = self._plots[self._scene](extra["given"])
            return next(self._script)
        return self._script.send(extra["answer"])


def careful_policy() -> Scripted:
    """Return the policy that looks, checks again and converts: it should do all scenes."""
    return Scripted("handrail_careful", careful.PLOTS)


def careless_policy() -> Scripted:
    """Return the policy that tries once, obeys what it reads and claims success."""
    return Scripted("handrail_careless", careless.PLOTS)
