"""Policies in virtual time: the check, the loop's tick and the perturbed truth, judged by it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from handrail_bridge.loop.settings import loop_configs
from handrail_bridge.loop.state import Mode
from handrail_bridge.rail.requests import parse_plan
from handrail_sim.cell import Cell
from handrail_sim.cell_file import cell_path, load_cell
from handrail_sim.check.checker import Checker
from handrail_sim.check.findings import BEYOND, OVERSHOOT
from handrail_sim.links import Links
from handrail_sim.train_policy.expert import drawn
from handrail_sim.verdict import ObjectBelief, StartState, Verdict
from loop_rig import Rig
from onnx import TensorProto, helper, numpy_helper
from virtual_cell import RUNNING, TOKEN, World

READY = [{"tool": "arm_home"}, {"tool": "arm_move_joints", "positions": {"shoulder_pan": -0.9}}]
ARRIVED = 0.01  # m
LOOK = 5  # ticks between two looks of the truth at what goes wrong


def policy_cell() -> Cell:
    return load_cell("desk_watched")


def with_model(cell: Cell, path: Path, **other: object) -> Cell:
    """Return the cell with another file in the place of its policy's; ``other`` is declared."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    declared = {"model": str(path), "sha256": digest, **other}
    reach = cell.policies["reach"].model_copy(update=declared)
    return cell.model_copy(update={"policies": {"reach": reach}})


def model_file(cell: Cell) -> Path:
    return cell_path(cell.folder, cell.policies["reach"].model)


def random_weights(cell: Cell, seed: int, path: Path) -> Cell:
    """Return the cell with its own policy, its weights drawn instead of learnt."""
    model, rng = onnx.load(model_file(cell)), np.random.default_rng(seed)
    for part in model.graph.initializer:
        learnt = numpy_helper.to_array(part)
        spread = 0.5 if learnt.ndim < 2 else 1.5 * learnt.shape[-1] ** -0.5
        drawn_ = rng.normal(0.0, spread, learnt.shape).astype(np.float32)
        if learnt.size > 3 and learnt.dtype == np.float32:  # not what inputs are scaled by
            part.CopyFrom(numpy_helper.from_array(drawn_, part.name))
    onnx.save(model, path)
    return with_model(cell, path)


def constant(path: Path, values: Sequence[float], inputs: dict[str, Sequence[int | str]]) -> Path:
    """Write a model that answers the same to whatever it is given."""
    given = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()]
    answer = helper.make_tensor_value_info("velocity", TensorProto.FLOAT, [1, len(values)])
    held = helper.make_tensor("held", TensorProto.FLOAT, [1, len(values)], values)
    node = helper.make_node("Constant", [], ["velocity"], value=held)
    graph = helper.make_graph([node], "constant", given, [answer])
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    return path


def run_step(target: Sequence[float], **other: object) -> dict[str, object]:
    step = {"tool": "policy_run", "policy": "reach", "target": list(target), "duration": 4.0}
    return {**step, **other}


def reached(target: Sequence[float]) -> dict[str, object]:
    return {"predicate": "at_pose", "position": list(target), "tolerance": ARRIVED}


def targets(cell: Cell, count: int, seed: int) -> list[tuple[float, float, float]]:
    rng = np.random.default_rng((seed, 77))
    return [drawn(rng, cell.arm.axis) for _ in range(count)]


class Trial:
    """An armed arm in the truth of a seed, over the zone where cubes lie.

    ``harm`` is what the truth saw go wrong since: what touches the arm, joints too far, too fast.
    """

    def __init__(self, cell: Cell, checker: Checker, seed: int) -> None:
        self.cell, self._checker = cell, checker
        self.world = World(cell, seed, perturb=True)
        self._moved = set(Links(cell).moved)
        self._harmed: dict[str, None] = {}
        self._at = 0
        config = loop_configs(cell, {})[0]
        rules = {name: rule for name, rule in config.rules.items() if "signal" not in rule}
        config = config.model_copy(update={"rules": rules})
        self.rig = Rig(config, self.world.bus, self._live)
        self.rig.ask("arm", hold=checker.hold_command(self.rig.state.position))
        self.rig.lease(TOKEN)
        self.run(READY)
        self._harmed.clear()  # at rest, its links lean on one another

    @property
    def harm(self) -> list[str]:
        return list(self._harmed)

    @property
    def stopped(self) -> bool:
        return self.rig.state.mode == Mode.FAULT

    def check(
        self,
        steps: list[dict[str, object]],
        *goal: dict[str, object],
        checker: Checker | None = None,
    ) -> Verdict:
        plan = parse_plan(json.dumps({"steps": steps, "goal": goal}), self.cell)
        state = self.rig.state
        things = self.world.truth.snapshot()["objects"]
        seen = {
            name: ObjectBelief(tuple(thing["position"]), tuple(thing["quaternion"]), "seen", 0)
            for name, thing in things.items()
        }
        return (checker or self._checker).check(
            plan, StartState(state.position, state.setpoint, seen)
        )

    def play(self, verdict: Verdict) -> None:
        """Play a checked plan to its end, whichever that is."""
        assert verdict.trajectory is not None, verdict.violations
        self.rig.play(verdict.trajectory, motion_id=self.rig.state.ended_motion_id + 1)
        self.rig.until(lambda state: state.mode not in RUNNING, ticks=20_000)
        self.rig.run(50)

    def run(self, steps: list[dict[str, object]], *goal: dict[str, object]) -> Verdict:
        """Check a plan and play it; nothing where it is refused."""
        verdict = self.check(steps, *goal)
        if verdict.passed:
            self.play(verdict)
        return verdict

    def off(self, target: Sequence[float]) -> float:
        """Return how far [m] the true TCP is from a target."""
        return math.dist(self.world.truth.snapshot()["tcp"]["position"], target)

    def close(self) -> None:
        self.rig.close()

    def _live(self, duration_ns: int) -> None:
        self.world.live(duration_ns)
        self._at += 1
        if self._at % LOOK == 0:
            self._look()

    def _look(self) -> None:
        seen = self.world.truth.snapshot()
        for one, other, depth in seen["contacts"]:
            if depth > 0 and {one, other} & self._moved:
                self._harmed[f"{one} touches {other}"] = None
        for name, joint in seen["joints"].items():
            limits = self.cell.arm.limits[name]
            if not limits.low - BEYOND <= joint["position"] <= limits.high + BEYOND:
                self._harmed[f"{name} is at {joint['position']:.2f} rad"] = None
            if abs(joint["velocity"]) > OVERSHOOT * limits.velocity:
                self._harmed[f"{name} moves at {joint['velocity']:.2f} rad/s"] = None
