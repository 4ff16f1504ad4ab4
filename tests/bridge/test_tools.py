"""What an agent sees: generated schemas that are valid, with units and the cell's limits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from handrail_bridge.tools import Tools, moving_tool
from handrail_drivers.api import Effect, Unit, tool
from handrail_drivers.errors import DeviceFault, InvalidValue, Refused, UnknownName
from handrail_sim.cell_file import load_cell
from handrail_sim.plan import GripperSet
from handrail_sim.world import jaw_gaps
from pydantic import BaseModel

DESK = load_cell("desk")
TYPES = {"object", "array", "number", "integer", "string", "boolean", "null"}


class Sight:
    @tool(Effect.OBSERVE)
    def measure(self, distance: Annotated[float, Unit("m")], twice: bool = False) -> dict[str, Any]:
        """Measure something."""
        return {"distance": distance * (2 if twice else 1)}

    @tool(Effect.OBSERVE)
    async def wait_for(self) -> list[int]:
        """Wait for something."""
        return [1]


class Reading(BaseModel):
    """Its ``sensors`` may have none."""

    note: str
    sensors: dict[str, tuple[float | None, ...]]


class Gauges(Sight):
    """Instruments whose last answer was ``value``; ``note`` is somebody's text."""

    def __init__(self, value: float | None, note: str = "") -> None:
        self._value, self._note = value, note

    @tool(Effect.OBSERVE)
    def read_plain(self) -> dict[str, Any]:
        """Read them, as plain values."""
        return {"note": self._note, "sensors": {"left": [1.0, self._value]}}

    @tool(Effect.OBSERVE)
    async def read_model(self) -> Reading:
        """Read them, as a model."""
        return Reading(note=self._note, sensors={"left": (1.0, self._value)})

    @tool(Effect.CONFIGURE)
    def tare(self) -> Reading:
        """Make them show nothing."""
        return Reading(note=self._note, sensors={"left": (1.0, self._value)})


class Lamp(Sight):
    def __init__(self, acts: list[str]) -> None:
        self._acts = acts
        self.dimmed = asyncio.Event()

    @tool(Effect.CONFIGURE)
    async def fade(self) -> bool:
        """Set its brightness, slowly."""
        await self.dimmed.wait()
        self._acts.append("fade")
        return True

    @tool(Effect.CONFIGURE)
    def dim(self, level: Annotated[float, Unit("%")]) -> bool:
        """Set its brightness."""
        self._acts.append("dim")
        return True

    @tool(Effect.MOVE)
    def turn(self) -> bool:
        """Turn it."""
        self._acts.append("turn")
        return True


@pytest.fixture
def acts() -> list[str]:
    """What was done, in order."""
    return []


@pytest.fixture
def lamp(acts: list[str]) -> Lamp:
    return Lamp(acts)


@pytest.fixture
def tools(acts: list[str], lamp: Lamp) -> Tools:
    @contextlib.asynccontextmanager
    async def configuring(what: str) -> AsyncIterator[None]:
        acts.append(what)
        yield
        acts.append("configured")

    return Tools(DESK, Sight(), {"lamp": lamp}, configuring, None)


def subschemas(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for part in schema for found in subschemas(part)]
    if not isinstance(schema, dict):
        return []
    return [schema, *(found for part in schema.values() for found in subschemas(part))]


def test_every_schema_says_only_what_json_schema_knows(tools: Tools) -> None:
    for listed in tools.listed.values():
        assert listed.input_schema["type"] == "object"
        assert listed.input_schema["additionalProperties"] is False
        assert listed.description
        for part in subschemas([listed.input_schema, listed.output_schema]):
            if isinstance(part.get("type"), str):
                assert part["type"] in TYPES
            if isinstance(part.get("required"), list):
                assert set(part["required"]) <= set(part["properties"])


def test_moving_tools_have_units_and_the_cells_limits(tools: Tools) -> None:
    moving = {name: t.input_schema for name, t in tools.listed.items() if t.device == "arm_bus"}
    assert set(moving) == {
        "arm_move_joints",
        "arm_move_to_pose",
        "gripper_set",
        "arm_home",
        "arm_rest",
        "wait",
    }
    positions = moving["arm_move_joints"]["properties"]["positions"]["properties"]
    assert tuple(positions) == DESK.arm.all_joints
    elbow = DESK.arm.limits["elbow_flex"]
    assert positions["elbow_flex"] == {
        "type": "number",
        "minimum": elbow.low,
        "maximum": elbow.high,
        "unit": "rad",
    }
    assert moving["gripper_set"]["properties"]["gap"]["unit"] == "m"
    assert moving["wait"]["properties"]["seconds"]["unit"] == "s"
    assert all("tool" not in schema["properties"] for schema in moving.values())


def test_how_wide_the_jaw_opens_is_the_cells() -> None:
    gap = moving_tool(GripperSet, DESK, jaw_gaps(DESK)).input_schema["properties"]["gap"]
    assert gap["maximum"] == pytest.approx(0.1037, abs=1e-4)
    assert "0.0030 m" in gap["description"]


def test_a_policy_is_offered_where_the_cell_has_one(tools: Tools) -> None:
    watched = Tools(load_cell("desk_watched"), Sight(), {}, contextlib.nullcontext, None)
    schema = watched.listed["policy_run"].input_schema["properties"]
    assert schema["policy"]["enum"] == ["reach"]
    assert schema["policy"]["description"].startswith("reach: brings the TCP")
    assert "policy_run" not in tools.listed


@pytest.mark.parametrize("name", ["arm_home", "lamp_turn"])
async def test_a_moving_tool_is_not_called(tools: Tools, acts: list[str], name: str) -> None:
    with pytest.raises(Refused, match="come as a plan"):
        await tools.call(name, "{}")
    assert not acts


async def test_a_device_is_configured_while_nothing_moves(tools: Tools, acts: list[str]) -> None:
    assert await tools.call("lamp_dim", '{"level": 20}') is True
    assert acts == ['lamp_dim {"level":20.0}', "dim", "configured"]


async def test_a_client_that_leaves_does_not_end_it_halfway(
    tools: Tools, acts: list[str], lamp: Lamp
) -> None:
    calling = asyncio.create_task(tools.call("lamp_fade", "{}"))
    while not acts:
        await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert acts == ["lamp_fade {}"], "nobody else may begin while it is under way"
    lamp.dimmed.set()
    while len(acts) < 3:
        await asyncio.sleep(0)
    assert acts[1:] == ["fade", "configured"]


async def test_what_does_not_fit_configures_nothing(tools: Tools, acts: list[str]) -> None:
    with pytest.raises(InvalidValue):
        await tools.call("lamp_dim", '{"level": "bright"}')
    assert not acts


async def test_the_bridges_tools_and_a_devices_are_called(tools: Tools) -> None:
    assert await tools.call("measure", '{"distance": 2}') == {"distance": 2.0}
    assert await tools.call("lamp_measure", '{"distance": 2, "twice": true}') == {"distance": 4.0}
    assert await tools.call("wait_for", "{}") == [1]
    assert tools.listed["lamp_measure"].device == "lamp"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({}, "distance"),
        ({"distance": float("nan")}, "distance"),
        ({"distance": "far"}, "distance"),
        ({"distance": "2"}, "distance"),
        ({"distance": True}, "distance"),
        ({"distance": 1, "thrice": True}, "thrice"),
    ],
)
async def test_arguments_are_validated_first(
    tools: Tools, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        await tools.call("measure", json.dumps(arguments))
    assert refused.value.field == field


async def test_an_unknown_tool_names_the_nearest(tools: Tools) -> None:
    with pytest.raises(UnknownName) as unknown:
        await tools.call("mesure", "{}")
    assert unknown.value.hint == "use 'measure'"


# --- what is no number ----------------------------------------------------------------------------


def reading(value: float | None, note: str = "") -> Tools:
    return Tools(
        DESK, object(), {"gauge": Gauges(value, note)}, lambda _: contextlib.nullcontext(), None
    )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["gauge_read_plain", "gauge_read_model", "gauge_tare"])
async def test_an_answer_without_a_number_is_refused_and_names_the_field(
    name: str, value: float
) -> None:
    with pytest.raises(DeviceFault, match=f"{name} was called") as refused:
        await reading(value).result(name, "{}")
    assert (refused.value.field, refused.value.value) == ("sensors.left[1]", repr(value))


@pytest.mark.parametrize("name", ["gauge_read_plain", "gauge_read_model", "gauge_tare"])
@pytest.mark.parametrize("value", [0.5, None])
async def test_text_that_looks_like_one_and_a_value_that_may_lack_are_answers(
    name: str, value: float | None
) -> None:
    told = json.loads((await reading(value, "NaN null Infinity").result(name, "{}")).text)
    assert told == {"note": "NaN null Infinity", "sensors": {"left": [1.0, value]}}
