"""The scripted pilot: sorts the cell's objects with nothing but the tools that an agent has.

It stands in for a language model: it looks, plans, has plans checked, reads refusals and
plans again. It needs no key and no network, and knows nothing that the tools did not say.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from handrail_sim.verdict import Violation

from handrail_bridge.client import Client
from handrail_bridge.pilot.grasp import Base, Point, Step, free_spot, grasps, pick, place, way_round
from handrail_bridge.reports import Permit, Receipt

ATTEMPTS = 4  # grasps of one object before the pilot gives up
SIDE_BY_SIDE = 0.022  # m from a container's middle, so that objects lie beside one another
FAR = 0.27  # m from the arm's axis: grasps farther out hold little
NEARER = 0.06  # m that a conveyor brings things at a time
MASS = 0.4  # by which what is weighed may differ from what is believed
PLACE_TILTS = (0.26, 0.40, 0.12)  # rad, tried in order

Plan = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: ``looked``, ``asked``, ``refused``, ``permitted``, ``done``..."""

    kind: str
    text: str


@dataclass(slots=True)
class Log:
    """What the pilot asked for, and what became of it."""

    checked: int = 0
    refused: int = 0
    executed: int = 0
    check_times: list[float] = field(default_factory=list)  # s
    given_up: list[str] = field(default_factory=list)

    @property
    def median_check(self) -> float:
        """Median time of a check [s]."""
        return statistics.median(self.check_times) if self.check_times else 0.0


class Pilot:
    """Sorts every object into the region where it belongs."""

    def __init__(self, rail: Client, tell: Callable[[Event], None]) -> None:
        self._rail = rail
        self._tell = tell
        self.log = Log()
        self._cell: dict[str, Any] = {}
        self._base = Base(0.0, 0.0)
        self._obstacle: Mapping[str, Any] | None = None  # what a refusal told it to go round
        self._warned: set[str] = set()  # what cannot be done straight
        self._placed: dict[str, int] = {}  # objects by container
        self._seen: dict[str, Any] = {}

    async def run(self) -> Log:
        """Sort until nothing is left to do, or nothing more can be done."""
        self._cell = await self._rail.call("cell_describe")
        self._base = Base(*self._cell["arm"]["axis"])
        async with self._rail.lease("pilot"):
            await self._start_over()
            attempts = dict.fromkeys(self._cell["objects"], 0)
            while (name := await self._following(attempts)) is not None:
                if not await self._sort(name, attempts[name]) and await self._bring():
                    continue  # it lies elsewhere now
                attempts[name] += 1
            self.log.given_up = [name for name in attempts if not self._sorted(name)]
        return self.log

    # --- what it knows ------------------------------------------------------------------------

    async def _look(self) -> dict[str, Any]:
        look = await self._rail.call("look")
        objects: dict[str, Any] = look["objects"]
        seen = [
            f"{name} at ({thing['position'][0]:.3f}, {thing['position'][1]:.3f})"
            for name, thing in objects.items()
            if thing["source"] == "seen"
        ]
        self._say("looked", ", ".join(seen) or "nothing left in the pick area")
        self._seen = objects
        return objects

    async def _following(self, attempts: Mapping[str, int]) -> str | None:
        """The next object to sort; where none is near, a conveyor may bring one."""
        while True:
            name = self._next(await self._look(), attempts)
            near = name is not None and self._radius(name) < FAR
            if near or all(map(self._sorted, attempts)) or not await self._bring():
                return name

    def _next(self, objects: Mapping[str, Any], attempts: Mapping[str, int]) -> str | None:
        """The nearest object that is seen and not where it belongs."""
        waiting = [
            name
            for name, thing in objects.items()
            if thing["source"] == "seen" and attempts[name] < ATTEMPTS and not self._sorted(name)
        ]
        return min(waiting, key=lambda name: (attempts[name], self._radius(name)), default=None)

    def _sorted(self, name: str) -> bool:
        wanted = self._cell["objects"][name]["goes_to"]
        return wanted is None or self._seen[name]["region"] == wanted

    def _radius(self, name: str) -> float:
        return self._base.polar(self._seen[name]["position"])[0]

    # --- what it does -------------------------------------------------------------------------

    async def _sort(self, name: str, failed: int) -> bool:
        done = await self._pick(name, failed) and await self._place(name)
        if not done:
            await self._start_over()
        return done

    async def _bring(self) -> bool:
        """Let a conveyor bring things nearer; tell whether it did."""
        arm = self._cell["arm"]
        for axis in arm["external"]:
            now = next(
                one.position for one in (await self._rail.state()).joints if one.name == axis
            )
            to = min(now + NEARER, arm["limits"][axis]["high"])
            if to - now < NEARER / 2:
                continue
            steps = [{"tool": "arm_move_joints", "positions": {axis: to}}]
            receipt = await self._try(f"let {axis} bring what lies on it", steps, [])
            if receipt is not None:
                return self._judged(receipt, f"{axis} is at {to:.2f} m", f"{axis} was stopped")
        return False

    async def _start_over(self) -> None:
        """Go home, with nothing in the gripper."""
        await self._go_home()
        if (await self._rail.call("arm_state"))["holding"]:
            await self._set_down()

    async def _set_down(self) -> None:
        """Let go of what a plan that ended early left in the gripper, where the camera sees it."""
        await self._look()
        others = [thing["position"] for thing in self._seen.values() if thing["source"] == "seen"]
        (camera,) = self._cell["cameras"].values()
        spot = free_spot(others, camera["search"], self._base)
        height = max(thing["size"][2] for thing in self._cell["objects"].values())
        steps = place(spot, 0.0, height, PLACE_TILTS[0])
        _, azimuth = self._base.polar(spot)
        await self._travel("set down what it holds", steps, azimuth, [{"predicate": "released"}])
        await self._go_home()

    async def _pick(self, name: str, failed: int) -> bool:
        thing = self._seen[name]
        goal = [{"predicate": "holding", "object": name}]
        _, azimuth = self._base.polar(thing["position"])
        fingers = self._cell["arm"]["fingers"]
        for grasp in grasps(thing, self._others(name), self._base, failed, fingers):
            receipt = await self._travel(f"take {name}", pick(grasp), azimuth, goal)
            if receipt is not None:
                return self._judged(receipt, f"{name} is in the gripper", f"{name} slipped away")
        self._say("failed", f"no way to take {name} was permitted")
        return False

    def _others(self, name: str) -> list[Point]:
        """Where other objects were seen."""
        return [
            thing["position"]
            for other, thing in self._seen.items()
            if other != name and thing["source"] == "seen"
        ]

    async def _place(self, name: str) -> bool:
        region = self._cell["objects"][name]["goes_to"]
        box = self._cell["regions"][region]
        spot = self._spot(region, box)
        _, azimuth = self._base.polar(spot)
        goal = [
            {"predicate": "released"},
            {"predicate": "object_in_region", "object": name, "region": region},
            *await self._weighs(name, box.get("weight")),
        ]
        height = self._cell["objects"][name]["size"][2]
        wall = box["center"][2] + box["size"][2] / 2
        for tilt in PLACE_TILTS:
            steps = [*place(spot, wall, height, tilt), {"tool": "arm_home"}]
            receipt = await self._travel(f"put {name} into {region}", steps, azimuth, goal)
            if receipt is not None:
                lies = f"{name} lies in {region}{_weight(receipt, box.get('weight'))}"
                placed = self._judged(receipt, lies, f"{name} went astray")
                self._placed[region] = self._placed.get(region, 0) + placed
                return placed
        self._say("failed", f"no way to put {name} into {region} was permitted")
        return False

    async def _weighs(self, name: str, sensor: str | None) -> list[Step]:
        """What the container's scale has to say once an object lies there, where it has one."""
        if sensor is None:
            return []
        device, _, register = sensor.partition(".")
        read = await self._rail.call(f"{device}_read_values", names=[register])
        mass, before = self._cell["objects"][name]["mass"], read[register]
        low, high = before + (1 - MASS) * mass, before + (1 + MASS) * mass
        return [{"predicate": "sensor_in_range", "sensor": sensor, "low": low, "high": high}]

    def _spot(self, region: str, box: Mapping[str, Any]) -> tuple[float, float]:
        """A place in a container beside those already used, on the arm's tangent."""
        _, azimuth = self._base.polar(tuple(box["center"]))
        others = sum(thing["goes_to"] == region for thing in self._cell["objects"].values())
        if others < 2:
            return box["center"][0], box["center"][1]
        radius, _ = self._base.polar(tuple(box["center"]))
        side = SIDE_BY_SIDE * (1 if self._placed.get(region, 0) % 2 else -1)
        x, y, _ = self._base.point(radius, azimuth + side / radius, 0.0)
        return x, y

    async def _go_home(self) -> None:
        """To where the camera sees everything."""
        await self._travel("go home", [{"tool": "arm_home"}], await self._azimuth(), [])

    async def _azimuth(self) -> float:
        state = await self._rail.call("arm_state")
        return self._base.polar(tuple(state["tcp"]))[1]

    async def _travel(
        self, what: str, steps: list[Step], azimuth: float, goal: list[Step]
    ) -> Receipt | None:
        """Try the straight way; where a refusal named an obstacle, go round it."""
        if what not in self._warned:
            check = await self._ask(f"{what}, straight", {"steps": steps, "goal": goal})
            if check.permit is not None:
                return await self._run({"steps": steps, "goal": goal}, check.permit)
            self._obstacle = _obstacle(check.verdict.violations) or self._obstacle
        if self._obstacle is None:
            return None
        self._warned.add(what)
        start = await self._azimuth()
        steps = [*way_round(self._obstacle, self._base, start, azimuth), *steps]
        return await self._try(f"{what}, round {self._obstacle['obstacle']}", steps, goal)

    async def _try(self, what: str, steps: list[Step], goal: list[Step]) -> Receipt | None:
        plan = {"steps": steps, "goal": goal}
        check = await self._ask(what, plan)
        return None if check.permit is None else await self._run(plan, check.permit)

    async def _ask(self, what: str, plan: Plan) -> Any:
        self._say("asked", what)
        check = await self._rail.check(plan)
        self.log.checked += 1
        self.log.check_times.append(check.verdict.check_time)
        if check.permit is None:
            self.log.refused += 1
            first = check.verdict.violations[0]
            self._say("refused", f"{first.sentence} Hint: {first.hint}.")
        else:
            self._say("permitted", f"{check.verdict.duration:.1f} s of motion")
        return check

    async def _run(self, plan: Plan, permit: Permit) -> Receipt:
        receipt = await self._rail.play(plan, permit)
        self.log.executed += 1
        return receipt

    def _judged(self, receipt: Receipt, good: str, bad: str) -> bool:
        if receipt.goal_met:
            self._say("done", good)
            return True
        missed = [result.sentence for result in receipt.goal if not result.met]
        self._say("failed", f"{bad}: {receipt.reason or '; '.join(missed)}")
        return False

    def _say(self, kind: str, text: str) -> None:
        self._tell(Event(kind, text))


def _weight(receipt: Receipt, sensor: str | None) -> str:
    """Say what the container's scale read at the end, where it has one."""
    read = receipt.sensors.get(sensor or "")
    return "" if read is None else f"; its scale reads {read * 1000:.1f} g"


def _obstacle(violations: Iterable[Violation]) -> Mapping[str, Any] | None:
    """The obstacle that a refusal names, with its numbers; None where it was something else."""
    return next((v.detail for v in violations if "top_z" in v.detail), None)
