"""The whole road, from a client's call to the world's truth."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import grpc
import numpy as np
import pytest
from google.protobuf import descriptor_pool, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import (
    InvalidValue,
    LeaseRefused,
    NotPermittedRole,
    Refused,
    UnknownName,
)
from running_cell import RunningCell

NEAR = 0.03  # rad: the truth's hidden offset, backlash and friction


async def test_it_starts_disarmed_and_arming_moves_nothing(cell: RunningCell) -> None:
    assert cell.ready["mode"] == "disarmed", "as it said when it started"
    before = cell.joints()
    async with cell.operator() as operator:
        assert (await operator.disarm()).mode == Mode.DISARMED
        state = await operator.arm()
    assert state.mode == Mode.ARMED
    assert cell.joints() == pytest.approx(before, abs=0.01)


async def test_one_call_moves_the_joint_and_nothing_else(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        before = cell.joints()
        receipt = await rail.call("arm_move_joints", positions={"elbow_flex": 0.5}, speed=0.5)
    assert receipt["completed"]
    assert cell.joints() == pytest.approx({**before, "elbow_flex": 0.5}, abs=NEAR)
    assert receipt["end_position"] == pytest.approx(cell.joints(), abs=0.01)


async def test_the_goal_is_evaluated_on_the_measured_state(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        receipt = await rail.run(
            {
                "steps": [{"tool": "arm_home"}],
                "goal": [
                    {"predicate": "joint_in_range", "joint": "shoulder_pan", "low": 1, "high": 2},
                    {"predicate": "released"},
                ],
            }
        )
    assert receipt.goal_met
    assert len(receipt.goal) == 2
    assert cell.joints()["shoulder_pan"] == pytest.approx(1.2, abs=NEAR)


async def test_the_measured_state_streams_while_it_moves(cell: RunningCell) -> None:
    pans: list[float] = []
    async with cell.armed() as rail:
        plan = {"steps": [{"tool": "arm_move_joints", "positions": {"shoulder_pan": 0.6}}]}
        await rail.run(plan, lambda state: pans.append(state.positions()["shoulder_pan"]))
    assert len(pans) > 5
    assert min(pans) < 0.7 < 1.0 < max(pans)


async def test_a_look_finds_the_cubes_where_the_world_has_them(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        await rail.call("arm_home")
        seen = (await rail.call("look"))["objects"]
    truth = cell.truth.snapshot()["objects"]
    assert {report["source"] for report in seen.values()} == {"seen"}
    reds = {name for name in truth if "red" in name}
    for name, report in seen.items():
        others = reds if name in reds else {name}
        errors = [
            np.abs(np.subtract(report["position"], truth[other]["position"])).max()
            for other in others
        ]
        assert min(errors) < 0.006, name


async def test_only_plans_move(cell: RunningCell) -> None:
    async with cell.armed() as rail:
        rail._tools = {}
        request_tools = await rail.tools()
        assert request_tools["arm_move_joints"].effect == "move"
        rail._tools = {"arm_home": request_tools["look"]}  # a client that believes it observes
        with pytest.raises(Refused, match="come as a plan"):
            await rail.call("arm_home")


async def test_moving_needs_the_lease(cell: RunningCell) -> None:
    async with cell.armed() as holder, cell.agent() as other:
        with pytest.raises(LeaseRefused, match="'test' holds"):
            async with other.lease("second"):
                pass
        with pytest.raises(LeaseRefused, match="needed"):
            await other.run({"steps": [{"tool": "arm_home"}]})
        assert [lease.holder for lease in (await holder.state()).leases] == ["test"]


async def test_arguments_are_judged_before_anything_else(cell: RunningCell) -> None:
    async with cell.agent() as rail:
        with pytest.raises(UnknownName, match="camera") as unknown:
            await rail.call("look", camera="overhed")
        assert unknown.value.hint == "use 'overhead'"
        with pytest.raises(InvalidValue):
            await rail.call("look", lens=3)
        with pytest.raises(InvalidValue):
            await anext(rail.watch(1000))


async def test_an_agent_cannot_act_as_the_operator(cell: RunningCell) -> None:
    socket = cell.ready["operator_socket"]
    assert stat.S_IMODE(Path(socket).stat().st_mode) == 0o600
    assert stat.S_IMODE(Path(socket).parent.stat().st_mode) == 0o700
    operator = cell.operator()
    agent = type(operator)(cell.ready["address"])
    async with agent:
        for act in (agent.arm, agent.disarm, agent.reset, agent.revoke_lease):
            with pytest.raises(NotPermittedRole):
                await act()
    await operator.close()


def test_a_foreign_client_needs_reflection_alone(cell: RunningCell) -> None:
    with grpc.insecure_channel(cell.ready["address"]) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert "handrail.v1.Operator" not in database.get_services()
        pool = descriptor_pool.DescriptorPool(database)
        rail = pool.FindServiceByName("handrail.v1.Rail")

        def call(name: str, **fields: object) -> object:
            method = rail.FindMethodByName(name)
            request = message_factory.GetMessageClass(method.input_type)
            answer = message_factory.GetMessageClass(method.output_type)
            return channel.unary_unary(
                f"/{rail.full_name}/{name}",
                request_serializer=request.SerializeToString,
                response_deserializer=answer.FromString,
            )(request(**fields), timeout=60)

        tools = {tool.name: json.loads(tool.input_schema_json) for tool in call("ListTools").tools}
        pan = tools["arm_move_joints"]["properties"]["positions"]["properties"]["shoulder_pan"]
        assert (pan["unit"], pan["maximum"]) == ("rad", 1.91986)
        plan = json.dumps({"steps": [{"tool": "arm_home"}]})
        assert call("CheckPlan", plan_json=plan).verdict.passed
        health = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(service="handrail.v1.Rail"), timeout=10
        )
        assert health.status == health_pb2.HealthCheckResponse.SERVING


async def test_frames_are_pictures(cell: RunningCell) -> None:
    async with cell.agent() as rail:
        frame = await rail.grab("overhead", max_width=320)
        assert (frame.width, frame.height) == (320, 240)
        assert frame.image.startswith(b"\xff\xd8")
        first = second = None
        async for frame in rail.frames("overhead", format="png"):
            first, second = second, frame
            if first is not None:
                break
        assert second.sequence > first.sequence


def test_the_command_line_takes_the_same_road(cell: RunningCell) -> None:
    asyncio.run(cell.home())
    listed = json.loads(cell.cli("tools", "--json").stdout)
    assert {"look", "arm_state", "arm_move_joints"} <= {tool["name"] for tool in listed}
    moved = cell.cli("call", "arm_move_joints", '{"positions": {"wrist_roll": 0.4}}', "--json")
    assert moved.returncode == 0, moved.stdout
    assert json.loads(moved.stdout)["completed"]
    assert cell.joints()["wrist_roll"] == pytest.approx(0.4, abs=NEAR)
    state = json.loads(cell.cli("state", "--json").stdout)
    assert state["mode"] == "armed"
    assert state["joints"][4]["position"] == pytest.approx(0.4, abs=NEAR)


def test_the_command_line_answers_refusals_with_a_sentence(cell: RunningCell) -> None:
    refused = cell.cli("call", "arm_move_joints", '{"positions": {"elbow_flux": 0.4}}', "--json")
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["error"]["hint"] == "use 'elbow_flex'"
    bad = cell.cli("run", "-", stdin='{"steps": [{"tool": "arm_home", "speed": NaN}]}')
    assert bad.returncode == 1
    assert "invalid_value" in bad.stderr
    assert "speed" in bad.stderr
    assert "Traceback" not in bad.stderr


@pytest.mark.long
def test_a_second_bridge_and_a_reachable_address_are_refused(cell: RunningCell) -> None:
    second = cell.cli("up", "desk", "--json")
    assert second.returncode == 1
    assert "Another bridge" in json.loads(second.stdout)["error"]["message"]
