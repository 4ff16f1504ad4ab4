"""Between the generated messages of ``handrail.v1`` and our dataclasses, both directions.

Those of plans are in :mod:`handrail_bridge.rpc.plan_messages`.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from handrail.v1 import mail_pb2, rail_pb2, state_pb2

from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import (
    Card,
    CellDescription,
    CellState,
    Counters,
    Frame,
    Joint,
    Lease,
    Mail,
    OwnLease,
    Tool,
)

JOINT = tuple(part.name for part in fields(Joint))


def write_state(state: CellState) -> state_pb2.CellState:
    """Encode the measured state."""
    return state_pb2.CellState(
        time_ns=state.time_ns,
        age_s=state.age,
        mode=state_pb2.Mode.ValueType(state.mode),
        reason=state.reason,
        fault_code=state.fault_code,
        joints=[state_pb2.JointReading(**_parts(joint)) for joint in state.joints],
        tcp_position=state.tcp_position,
        holding=state.holding,
        loop=state_pb2.LoopCounters(
            ticks=state.loop.ticks,
            overruns=state.loop.overruns,
            late_reads=state.loop.late_reads,
            retries=state.loop.retries,
            clamps=state.loop.clamps,
            rate_hz=state.loop.rate,
        ),
        leases=[write_lease(lease) for lease in state.leases],
        reflexes=state.reflexes,
        speed_scale=state.speed_scale,
        progress=state.progress,
        plan_digest=state.plan_digest,
    )


def read_state(sent: state_pb2.CellState) -> CellState:
    """Decode the measured state."""
    loop = sent.loop
    return CellState(
        time_ns=sent.time_ns,
        age=sent.age_s,
        mode=Mode(sent.mode),
        reason=sent.reason,
        fault_code=sent.fault_code,
        joints=tuple(_read_joint(joint) for joint in sent.joints),
        tcp_position=tuple(sent.tcp_position),
        holding=sent.holding,
        loop=Counters(
            ticks=loop.ticks,
            overruns=loop.overruns,
            late_reads=loop.late_reads,
            retries=loop.retries,
            clamps=loop.clamps,
            rate=loop.rate_hz,
        ),
        leases=tuple(read_lease(lease) for lease in sent.leases),
        reflexes=tuple(sent.reflexes),
        speed_scale=sent.speed_scale,
        progress=sent.progress,
        plan_digest=sent.plan_digest,
    )


def _read_joint(sent: state_pb2.JointReading) -> Joint:
    return Joint(**{**_parts(sent), "noise": sent.noise if sent.HasField("noise") else None})


def _parts(joint: Joint | state_pb2.JointReading) -> dict[str, Any]:
    return {name: getattr(joint, name) for name in JOINT}


def write_lease(lease: Lease) -> state_pb2.Lease:
    """Encode a lease, as everybody may see it."""
    return state_pb2.Lease(
        holder=lease.holder,
        remaining_s=lease.remaining,
        devices=lease.devices,
        waiting=lease.waiting,
    )


def read_lease(sent: state_pb2.Lease) -> Lease:
    """Decode a lease."""
    return Lease(
        holder=sent.holder,
        remaining=sent.remaining_s,
        devices=tuple(sent.devices),
        waiting=tuple(sent.waiting),
    )


def write_own_lease(lease: OwnLease) -> rail_pb2.HoldLeaseResponse:
    """Encode a lease for its holder."""
    return rail_pb2.HoldLeaseResponse(lease=write_lease(lease), token=lease.token)


def read_own_lease(sent: rail_pb2.HoldLeaseResponse) -> OwnLease:
    """Decode one's own lease."""
    return OwnLease(
        holder=sent.lease.holder,
        remaining=sent.lease.remaining_s,
        devices=tuple(sent.lease.devices),
        waiting=tuple(sent.lease.waiting),
        token=sent.token,
    )


def write_tool(tool: Tool) -> rail_pb2.Tool:
    """Encode a tool."""
    return rail_pb2.Tool(
        name=tool.name,
        description=tool.description,
        effect=tool.effect,
        device=tool.device,
        input_schema_json=json.dumps(tool.input_schema),
        output_schema_json=json.dumps(tool.output_schema),
        needs_approval=tool.needs_approval,
    )


def read_tool(sent: rail_pb2.Tool) -> Tool:
    """Decode a tool."""
    return Tool(
        name=sent.name,
        description=sent.description,
        effect=sent.effect,
        device=sent.device,
        input_schema=json.loads(sent.input_schema_json or "{}"),
        output_schema=json.loads(sent.output_schema_json or "{}"),
        needs_approval=sent.needs_approval,
    )


def write_frame(frame: Frame) -> rail_pb2.Frame:
    """Encode a camera frame."""
    return rail_pb2.Frame(
        camera=frame.camera,
        sequence=frame.sequence,
        time_ns=frame.time_ns,
        age_s=frame.age,
        width=frame.width,
        height=frame.height,
        format=frame.format,
        image=frame.image,
    )


def read_frame(sent: rail_pb2.Frame) -> Frame:
    """Decode a camera frame."""
    return Frame(
        camera=sent.camera,
        sequence=sent.sequence,
        time_ns=sent.time_ns,
        age=sent.age_s,
        width=sent.width,
        height=sent.height,
        format=sent.format,
        image=sent.image,
    )


def read_cell(sent: rail_pb2.DescribeCellResponse) -> CellDescription:
    """Decode the cell's description."""
    return CellDescription(
        name=sent.name,
        digest=sent.digest,
        cell=json.loads(sent.cell_json),
        notices=tuple(sent.notices),
    )


def write_card(card: Card) -> rail_pb2.Card:
    """Encode a card."""
    return rail_pb2.Card(
        number=card.number,
        steps=card.steps,
        asks=card.asks,
        margins=card.margins,
        goal=card.goal,
        trajectory_digest=card.trajectory_digest,
        picture=card.picture,
        remaining_s=card.remaining,
        question=card.question,
    )


def read_card(sent: rail_pb2.Card) -> Card:
    """Decode a card."""
    return Card(
        number=sent.number,
        steps=tuple(sent.steps),
        asks=tuple(sent.asks),
        margins=tuple(sent.margins),
        goal=tuple(sent.goal),
        trajectory_digest=sent.trajectory_digest,
        picture=sent.picture,
        remaining=sent.remaining_s,
        question=sent.question,
    )


def write_mail(mail: Mail) -> mail_pb2.Mail:
    """Encode a mail."""
    return mail_pb2.Mail(
        number=mail.number,
        time_s=mail.time,
        sender=mail.sender,
        recipient=mail.recipient,
        text=mail.text,
        by_operator=mail.by_operator,
        answers=mail.answers,
    )


def read_mail(sent: mail_pb2.Mail) -> Mail:
    """Decode a mail."""
    return Mail(
        number=sent.number,
        time=sent.time_s,
        sender=sent.sender,
        recipient=sent.recipient,
        text=sent.text,
        by_operator=sent.by_operator,
        answers=sent.answers,
    )
