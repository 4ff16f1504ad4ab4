"""What every agent is given: a short list whose answers are as it says, refusals to mend by."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from handrail_bridge.agents.schemas import schema_of
from handrail_bridge.agents.toolset import AT_ONCE, ToolSet
from handrail_drivers.errors import InvalidValue, UnknownName
from handrail_sim.plan import Plan
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from stand_in_rail import HOME, SECRET, StandInRail, checked, code, listed, over

CALLS: dict[str, dict[str, Any]] = {
    "cell_describe": {},
    "look": {},
    "read": {"tool": "scale_0_read_weight"},
    "configure": {"tool": "scale_0_tare"},
    "picture": {},
    "state": {},
    "plan_check": HOME,
    "plans": {},
    "stop": {"reason": "enough"},
}
FLAT = sorted([*CALLS, "plan_run"])


@pytest.fixture
async def rail() -> StandInRail:
    return StandInRail()


@pytest.fixture
async def tools(rail: StandInRail) -> ToolSet:
    return await over(rail)


async def test_the_list_does_not_grow_with_the_cell(tools: ToolSet) -> None:
    large = await over(StandInRail(scales=50))
    assert sorted(large.tools) == sorted(tools.tools) == FLAT


async def test_one_tool_per_operation_where_that_is_wanted(rail: StandInRail) -> None:
    each = await over(rail, each=True)
    assert set(each.tools) == {*listed(), "picture", "state", "stop"}
    answer = await each.call("arm_home", {"speed": 0.5})
    assert answer.data["completed"]
    assert rail.executed[0][0] == {"steps": [{"tool": "arm_home", "speed": 0.5}]}


async def test_a_device_that_moves_nothing_is_refused_at_once(rail: StandInRail) -> None:
    await over(rail, devices=["arm_bus"])
    with pytest.raises(UnknownName, match=r"'arm_bos'\. Valid: arm_bus\. "):
        await over(rail, devices=["arm_bos"])


async def test_a_step_that_is_refused_does_not_move_and_brings_its_verdict(
    rail: StandInRail,
) -> None:
    each = await over(rail, each=True)
    rail.check = _refusing(rail)  # type: ignore[method-assign]
    answer = await each.call("arm_home", {})
    assert code(answer) == "plan_refused"
    assert answer.data["verdict"]["violations"][0]["hint"] == "Lift."
    assert rail.executed == []


@pytest.mark.parametrize("name", CALLS)
async def test_every_answer_is_as_its_schema_says(tools: ToolSet, name: str) -> None:
    tool = tools.tools[name]
    Draft202012Validator.check_schema(tool.input_schema)
    Draft202012Validator(tool.input_schema).validate(CALLS[name])
    answer = await tools.call(name, CALLS[name])
    assert not answer.refused, answer.text
    if name != "look":  # the bridge's own, which the stand-in has not
        Draft202012Validator(tool.output_schema).validate(answer.data)


async def test_a_receipt_is_as_its_schema_says_and_judges(tools: ToolSet) -> None:
    answer = await tools.call("plan_run", {"plan": await checked(tools)})
    Draft202012Validator(tools.tools["plan_run"].output_schema).validate(answer.data)
    assert answer.data["goal_met"]


async def test_no_permit_and_no_token_is_shown(tools: ToolSet, rail: StandInRail) -> None:
    texts = [(await tools.call(name, arguments)).text for name, arguments in CALLS.items()]
    texts.append((await tools.call("plan_run", {"plan": await checked(tools)})).text)
    texts.append((await tools.call("plans", {})).text)
    assert rail.executed[0][1].id == SECRET
    assert not any(SECRET in text or "token" in text for text in texts)


async def test_a_flood_is_refused_and_a_stop_passes_it(tools: ToolSet, rail: StandInRail) -> None:
    rail.go.clear()
    flood = [asyncio.create_task(tools.call("look", {})) for _ in range(5 * AT_ONCE)]
    while len(rail.called) < AT_ONCE:
        await asyncio.sleep(0)
    assert (await tools.call("stop", {})).data["mode"] == "stopped"
    rail.go.set()
    answers = await asyncio.gather(*flood)
    assert sum(answer.refused for answer in answers) == 4 * AT_ONCE
    assert not (await tools.call("look", {})).refused


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("nothing", {}, "unknown_name"),
        ("read", {"tool": "scale_0_tare"}, "unknown_name"),
        ("read", {"tool": "arm_home"}, "unknown_name"),
        ("configure", {"tool": "scale_0_read_weight"}, "unknown_name"),
        ("read", {}, "invalid_value"),
        ("state", {"now": True}, "invalid_value"),
        ("picture", {"max_width": "640"}, "invalid_value"),
        ("stop", {"reason": "x" * 201}, "invalid_value"),
        ("look", {"camera": {1, 2}}, "invalid_request"),
        ("plan_check", {"steps": [{"tool": {1, 2}}]}, "invalid_request"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    tools: ToolSet, rail: StandInRail, name: str, arguments: dict[str, Any], expected: str
) -> None:
    answer = await tools.call(name, arguments)
    assert code(answer) == expected
    assert rail.called == []
    if expected == "unknown_name":
        assert answer.data["refused"]["choices"]


async def test_no_argument_is_mistaken_for_one_of_the_client(
    tools: ToolSet, rail: StandInRail
) -> None:
    arguments = {"name": "x", "tool": "y", "self": "z"}
    await tools.call("read", {"tool": "scale_0_read_weight", "arguments": arguments})
    assert rail.called == [("scale_0_read_weight", arguments)]


async def test_what_hides_in_unicode_shows(tools: ToolSet, rail: StandInRail) -> None:
    async def register(_: str, /, **__: Any) -> dict[str, Any]:
        return {"text": "weight\U000e0041\u202e"}

    rail.call = register  # type: ignore[method-assign]
    answer = await tools.call("read", {"tool": "scale_0_read_weight"})
    assert answer.text.isascii()
    assert "\\u202e" in answer.text


async def test_a_plan_is_listed_with_the_cells_own_limits(tools: ToolSet) -> None:
    schema = tools.tools["plan_check"].input_schema
    elbow = schema["$defs"]["MoveJoints"]["properties"]["positions"]["properties"]["elbow_flex"]
    assert elbow == {"type": "number", "minimum": -1.69, "maximum": 1.69, "unit": "rad"}
    Draft202012Validator(schema).validate(HOME)
    beyond = {"steps": [{"tool": "arm_move_joints", "positions": {"elbow_flex": 90}}]}
    assert not Draft202012Validator(schema).is_valid(beyond)


def test_a_slim_schema_says_the_same() -> None:
    class Titled(BaseModel):
        title: str
        discriminator: int

    assert set(schema_of(Titled)["properties"]) == {"title", "discriminator"}
    slim = json.dumps(schema_of(Plan))
    assert '"discriminator"' not in slim
    assert len(slim) < 0.75 * len(json.dumps(Plan.model_json_schema()))


def _refusing(rail: StandInRail) -> Any:
    check = rail.check

    async def refusing(plan: Any) -> Any:
        return await check({**plan, "note": "bad"})

    return refusing


async def test_errors_of_the_bridge_come_back_whole(tools: ToolSet, rail: StandInRail) -> None:
    async def check(_: object) -> Any:
        raise InvalidValue("Too far.", field="steps[0].x", value=9.0, limit=1.0, unit="m", hint="h")

    rail.check = check  # type: ignore[method-assign]
    answer = await tools.call("plan_check", HOME)
    assert answer.data["refused"] == {
        "code": "invalid_value",
        "message": "Too far.",
        "field": "steps[0].x",
        "value": 9.0,
        "limit": 1.0,
        "unit": "m",
        "hint": "h",
    }
