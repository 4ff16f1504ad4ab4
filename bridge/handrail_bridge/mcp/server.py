"""The MCP server: tools, resources and prompts over one tool set. One server is one agent."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import logging
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any

import mcp_types as types
from handrail_drivers.api import Effect
from handrail_drivers.errors import HandrailError, UnknownName
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError

from handrail_bridge.agents.results import Hooks, Progress, Result, failure, refusal
from handrail_bridge.agents.toolset import ToolSet
from handrail_bridge.mcp import prompts
from handrail_bridge.mcp.approval import Asked, Context, Person
from handrail_bridge.mcp.changes import ChangingServer, ListChanges
from handrail_bridge.mcp.resources import resources
from handrail_bridge.mcp.told import told_result, told_tool

Answer = types.CallToolResult | types.InputRequiredResult
GONE = "handrail.gone"  # in a request's scope: an event, set once its client has left

log = logging.getLogger(__name__)


class McpServer:
    """Serves one tool set to MCP clients, of the present protocol and of the one before.

    Args:
        tools: what the model gets.
        person: asks the person at the client; None where that road to an approval is closed,
            and a plan that needs one waits for the operator.
    """

    def __init__(self, tools: ToolSet, person: Person | None) -> None:
        self._tools = tools
        self._person = person
        self._resources = resources(tools)
        self._changes = ListChanges()
        self.sdk: Server[Any] = ChangingServer(
            "handrail",
            version=importlib.metadata.version("handrail"),
            instructions=prompts.instructions(tools.moving.holder),
            get_tool_input_schema=self._input_schema,
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_read_resource=self._read_resource,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
            on_subscriptions_listen=self._changes.listen,
            lifespan=self._watching,
        )
        self._changes.hear(self.sdk)

    @contextlib.asynccontextmanager
    async def _watching(self, _: object) -> AsyncIterator[dict[str, Any]]:
        """Have clients told of changes while they are served."""
        watching = asyncio.create_task(self._watch())
        try:
            yield {}
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def _watch(self) -> None:
        told = self._listed()
        async with contextlib.aclosing(self._tools.renewals()) as renewals:
            async for _ in renewals:
                now = self._listed()
                if now != told:
                    told = now
                    await self._changes.tell()

    def _listed(self) -> list[types.Tool]:
        return [told_tool(tool) for tool in self._tools.tools.values()]

    def _input_schema(self, name: str) -> dict[str, Any] | None:
        tool = self._tools.tools.get(name)
        return None if tool is None else tool.input_schema

    async def _list_tools(self, _: Context, __: object) -> types.ListToolsResult:
        with _as_protocol_error():
            await self._tools.renew()
        return types.ListToolsResult(tools=self._listed())

    async def _call_tool(self, context: Context, params: types.CallToolRequestParams) -> Answer:
        try:
            return told_result(await _while_there(context, self._called(context, params)))
        except Asked as asked:
            return self._put(asked)
        except HandrailError as error:
            return told_result(refusal(error))
        except Exception:  # a traceback belongs into our log, never into an answer
            log.exception("%s failed", params.name)
            tool = self._tools.tools.get(params.name)
            looks = tool is not None and tool.effect == Effect.OBSERVE
            failed = HandrailError("The server failed; its log says how.")
            return told_result(refusal(failed) if looks else failure(failed))

    async def _called(self, context: Context, params: types.CallToolRequestParams) -> Result:
        progress = _progress(context)
        if params.request_state is not None and self._person is not None:
            handle = await self._person.answered(params, context)
            return await self._tools.run(handle, Hooks(progress))
        hooks = Hooks(progress, self._asker(context, params))
        return await self._tools.call(params.name, params.arguments or {}, hooks)

    def _asker(self, context: Context, params: types.CallToolRequestParams) -> Any:
        person = self._person
        if person is None:
            return None
        return lambda waiting: person.asked(waiting, params.name, params.arguments or {}, context)

    def _put(self, asked: Asked) -> types.InputRequiredResult:
        if self._person is None:
            raise RuntimeError("nobody can be asked")
        return self._person.put(asked.question)

    async def _list_resources(self, _: Context, __: object) -> types.ListResourcesResult:
        return types.ListResourcesResult(
            resources=[resource.listed() for resource in self._resources.values()]
        )

    async def _read_resource(
        self, _: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        with _as_protocol_error():
            if params.uri not in self._resources:
                raise UnknownName("resource", params.uri, self._resources, "uri")
            return await self._resources[params.uri].contents()

    async def _list_prompts(self, _: Context, __: object) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=list(prompts.PROMPTS.values()))

    async def _get_prompt(
        self, _: Context, params: types.GetPromptRequestParams
    ) -> types.GetPromptResult:
        with _as_protocol_error():
            return prompts.told(params.name, params.arguments or {})


def _progress(context: Context) -> Any:
    async def report(progress: Progress) -> None:
        await context.session.report_progress(progress.fraction, 1.0, progress.message)

    return report


async def _while_there(context: Context, call: Awaitable[Result]) -> Result:
    """Await a call, and end it where its client has left an HTTP request behind."""
    scope = getattr(context.request, "scope", {})
    gone: asyncio.Event | None = scope.get(GONE)
    if gone is None:
        return await call
    calling = asyncio.ensure_future(call)
    leaving = asyncio.create_task(gone.wait())
    try:
        await asyncio.wait({calling, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not calling.done():
            raise asyncio.CancelledError
        return calling.result()
    finally:
        leaving.cancel()
        calling.cancel()
        await asyncio.gather(leaving, calling, return_exceptions=True)


@contextlib.contextmanager
def _as_protocol_error() -> Iterator[None]:
    """Outside of tool calls, MCP has errors of its own."""
    try:
        yield
    except HandrailError as error:
        raise MCPError(types.INVALID_PARAMS, str(error), error.detail()) from None
