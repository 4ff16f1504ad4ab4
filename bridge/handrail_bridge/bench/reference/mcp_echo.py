"""A bare tool of the official SDK on its own stdio: ``python -m ... SIZE`` answers so many bytes.

Frozen: it is never made slower.
"""

from __future__ import annotations

import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("echo")


@server.tool()
async def say(names: list[str]) -> dict[str, str]:
    """Say something."""
    return {"answer": "." * (int(sys.argv[1]) - 14), "first": names[0]}


if __name__ == "__main__":
    server.run()
