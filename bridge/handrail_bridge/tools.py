"""The tool table: what an agent sees, with schemas that are generated, never written.

Moving tools are the steps of a plan; observing tools are methods marked with ``@tool``, the
bridge's own under their name, a device's under ``<device>_<method>``.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import typing
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, NamedTuple

import pydantic_core
from handrail_drivers.api import Effect
from handrail_drivers.errors import Refused, UnknownName
from handrail_drivers.schema import arguments_model, tool_methods, tool_schemas
from handrail_sim.cell import Cell
from handrail_sim.plan import PolicyRun, Step
from pydantic import BaseModel

from handrail_bridge.answers import Answer, answer
from handrail_bridge.devices.calls import DeviceCalls
from handrail_bridge.parsing import parse
from handrail_bridge.rail.approvals import Approvals
from handrail_bridge.rail.grants import ToolCall
from handrail_bridge.reports import Permit, Tool

Schema = dict[str, Any]


class Call(NamedTuple):
    """How a tool is called: what gives its arguments, and whether it is awaited, or may wait."""

    name: str
    method: Callable[..., Any]
    model: type[BaseModel]
    effect: Effect
    awaited: bool
    may_wait: bool  # a driver, for its wire


class Tools:
    """Every tool of a cell.

    Args:
        cell: gives the moving tools their limits.
        senses: the bridge's own observing tools.
        devices: opened drivers by device name, with tools of their own.
        configuring: what a device is configured under, given what is done.
        approvals: asks a person about the calls that the cell names; None: nobody can be asked,
            and they are refused.
        gaps: the least and the widest gap [m] of the cell's jaw; None: nobody says.
    """

    def __init__(
        self,
        cell: Cell,
        senses: object,
        devices: Mapping[str, object],
        configuring: Callable[[str], AbstractAsyncContextManager[None]],
        approvals: Approvals | None,
        gaps: tuple[float, float] | None = None,
    ) -> None:
        self._configuring = configuring
        self._approvals = approvals
        self._named = cell.approval.tools
        self.listed: dict[str, Tool] = {}
        self._number = 0  # of the list
        self._changed = asyncio.Event()  # of this number
        self._calls: dict[str, Call] = {}
        self._waiting = DeviceCalls()
        for model in _steps():
            if model is PolicyRun and not cell.policies:
                continue
            tool = moving_tool(model, cell, gaps)
            self.listed[tool.name] = tool
        self._add(senses, device="", prefix="")
        for name, device in devices.items():
            self._add(device, device=name, prefix=f"{name}_")

    def require_named(self, later: Collection[str]) -> None:
        """Refuse to go on where a tool that needs approval is none: another one would need none.

        Args:
            later: devices that say only when they are there what they have.

        Raises:
            UnknownName: there is no such tool.
        """
        for name in self.unlisted():
            if not any(name.startswith(f"{device}_") for device in later):
                raise UnknownName("tool", name, self.listed, "approval.tools")

    def unlisted(self) -> tuple[str, ...]:
        """Return the tools that need approval and that nobody has right now."""
        planned = {step.model_fields["tool"].default for step in _steps()}
        return tuple(name for name in self._named if name not in {*self.listed, *planned})

    def renew(self, name: str, device: object) -> None:
        """List a device's tools anew: it has said what it has."""
        before = dict(self.listed)
        for tool in [tool.name for tool in self.listed.values() if tool.device == name]:
            if tool in self._calls:  # the arm's steps have no method
                del self.listed[tool], self._calls[tool]
        self._add(device, device=name, prefix=f"{name}_")
        if self.listed != before:
            self._number += 1
            self._changed.set()
            self._changed = asyncio.Event()

    async def changed(self, known: int, patience: float) -> int:
        """Return the list's number once it is another than the known one, or after so long [s]."""
        if self._number == known:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._changed.wait()
        return self._number

    async def call(self, name: str, arguments: str) -> Any:
        """Call a tool that moves nothing with a JSON object; return its result as JSON values.

        Raises:
            HandrailError: as :meth:`result`.
        """
        return pydantic_core.from_json((await self.result(name, arguments)).text)

    async def result(self, name: str, arguments: str, permit_id: str = "") -> Answer:
        """Call a tool that moves nothing with a JSON object.

        Raises:
            UnknownName: no such tool.
            Refused: a moving tool, which has to come as a plan; or one that configures a device
                while a plan runs.
            InvalidValue: an argument that does not fit the schema.
            PermitRefused: it needs approval, and the permit is not good for this call.
            DeviceFault: what it returned has no number where one should be.
        """
        call = self._callable(name)
        valid = parse(call.model, arguments, "arguments")
        given = vars(valid)
        tool = self.listed[name]
        if tool.needs_approval:
            asked = ToolCall(tool, valid.model_dump_json())
            return await asyncio.shield(self._permitted(permit_id, asked, call, given))
        if call.effect == Effect.CONFIGURE:  # a client that leaves does not end it
            what = f"{name} {valid.model_dump_json()}"
            return await asyncio.shield(self._configure(what, call, given))
        if call.awaited or call.may_wait:
            return await self._done(call, given)
        return answer(name, call.method(**given))

    async def propose(self, name: str, arguments: str, approver: str = "") -> Permit:
        """Ask a person about one call of a tool that needs approval; nothing is called.

        ``approver``: the operator, where the request is the operator's own.

        Raises:
            UnknownName, InvalidValue: as :meth:`result`.
            Refused: it needs no approval, or cannot be asked for right now.
        """
        valid = parse(self._callable(name).model, arguments, "arguments")
        tool = self.listed[name]
        if not tool.needs_approval:
            raise Refused(f"{name} needs no approval.", field="name", value=name, hint="call it")
        call = ToolCall(tool, valid.model_dump_json())
        return await self._asking(tool).ask_for_call(call, approver)

    def _callable(self, name: str) -> Call:
        call = self._calls.get(name)
        if call is not None and call.effect != Effect.MOVE:
            return call
        if name not in self.listed:
            raise UnknownName("tool", name, self.listed, "name")
        raise _moving(name, planned=call is None)

    def _asking(self, tool: Tool) -> Approvals:
        if self._approvals is None:
            raise Refused(f"{tool.name} needs a person, and nobody can be asked.", field="name")
        return self._approvals

    async def _permitted(
        self, permit_id: str, asked: ToolCall, call: Call, given: Schema
    ) -> Answer:
        """Call what needs a person: the one place where such a tool's method is reached."""
        approvals = self._asking(asked.tool)
        approvals.examine_call(permit_id, asked)
        what = f"{asked.tool.name} {asked.arguments}"
        configures = call.effect == Effect.CONFIGURE
        still = self._configuring(what) if configures else nullcontext()
        async with still, approvals.spending(permit_id, asked):
            return await self._done(call, given)

    async def _configure(self, what: str, call: Call, given: Schema) -> Answer:
        async with self._configuring(what):
            return await self._done(call, given)

    async def _done(self, call: Call, given: Schema) -> Answer:
        if call.awaited:
            result = await call.method(**given)
        elif call.may_wait:
            result = await self._waiting.call(functools.partial(call.method, **given))
        else:
            result = call.method(**given)
        return answer(call.name, result)

    def _add(self, owner: object, device: str, prefix: str) -> None:
        methods = tool_methods(owner)
        for schema in tool_schemas(owner):
            name = prefix + schema.name
            self.listed[name] = Tool(
                name=name,
                description=schema.description,
                effect=str(schema.effect),
                device=device,
                input_schema=schema.input_schema,
                output_schema=schema.output_schema,
                needs_approval=bool(device) and name in self._named,
            )
            method = methods[schema.name]
            self._calls[name] = Call(
                name,
                method,
                arguments_model(method),
                schema.effect,
                awaited=inspect.iscoroutinefunction(method),
                may_wait=bool(device),
            )


def _moving(name: str, *, planned: bool) -> Refused:
    if planned:
        return Refused(
            f"{name} moves something: it has to come as a plan.",
            field="name",
            value=name,
            hint="check a plan of this one step and execute it with its permit",
        )
    return Refused(
        f"{name} moves something: it has to come as a plan, and no check knows how it moves.",
        field="name",
        value=name,
        hint="what a plan can move is an axis of the arm",
    )


def moving_tool(
    model: type[BaseModel], cell: Cell, gaps: tuple[float, float] | None = None
) -> Tool:
    """Return the tool of one kind of step, its limits taken from the cell, and the jaw's gaps."""
    schema = model.model_json_schema()
    schema.pop("title", None)
    schema.pop("description", None)
    properties: dict[str, Schema] = schema["properties"]
    name: str = properties.pop("tool")["const"]
    if "positions" in properties:
        properties["positions"] = _positions(cell)
    if "gap" in properties and gaps is not None:
        least = f"0 closes it; other gaps go from {gaps[0]:.4f} m"
        properties["gap"] |= {"maximum": gaps[1], "description": least}
    if "policy" in properties:
        told = (f"{name}: {one.description}" for name, one in cell.policies.items())
        properties["policy"] |= {"enum": list(cell.policies), "description": "; ".join(told)}
    return Tool(
        name=name,
        description=inspect.getdoc(model) or "",
        effect="move",
        device=cell.arm.device,
        input_schema=schema,
        output_schema={"type": "object", "description": "the receipt of the plan of one step"},
    )


def _positions(cell: Cell) -> Schema:
    return {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {
            joint: {
                "type": "number",
                "minimum": cell.arm.limits[joint].low,
                "maximum": cell.arm.limits[joint].high,
                "unit": cell.arm.limits[joint].unit,
            }
            for joint in cell.arm.all_joints
        },
    }


def _steps() -> tuple[type[BaseModel], ...]:
    """The kinds of step that a plan can have."""
    union, _ = typing.get_args(Step)
    return typing.get_args(union)
