"""The agents' tools and what they answer, as MCP says it."""

from __future__ import annotations

import base64

import mcp_types as types
from handrail_drivers.api import Effect

from handrail_bridge.agents.results import AgentTool, Result


def told_tool(tool: AgentTool) -> types.Tool:
    """Return how a tool is listed."""
    return types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=told_effect(tool),
    )


def told_effect(tool: AgentTool) -> types.ToolAnnotations:
    """Return the hints that a tool's effect gives; a stop is never to be thought about twice."""
    observes = tool.effect == Effect.OBSERVE
    return types.ToolAnnotations(
        read_only_hint=observes,
        destructive_hint=not observes and tool.name != "stop",
        idempotent_hint=tool.idempotent or observes,
        open_world_hint=False,
    )


def told_result(result: Result) -> types.CallToolResult:
    """Return an answer: JSON as text and structured, pictures as images.

    A refusal or a lost answer is an error with JSON as its text: clients hold what is structured
    against the tool's output schema, which it does not follow.
    """
    content: list[types.ContentBlock] = [types.TextContent(text=result.text)]
    content += [
        types.ImageContent(
            data=base64.b64encode(picture.data).decode(), mime_type=picture.mime_type
        )
        for picture in result.pictures
    ]
    if result.failed:
        return types.CallToolResult(content=content, is_error=True)
    return types.CallToolResult(content=content, structured_content=result.data)
