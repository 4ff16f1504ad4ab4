"""The official SDK's client, timing calls of a server that it starts.

``python -m ... CALLS TOOL ARGUMENTS PARENT COMMAND...``: says a line once it has called a few
times, then, for every line that it is told, calls the tool so often and prints the times [us].
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from handrail_sim.lifeline import die_with
from mcp import StdioServerParameters
from mcp.client import Client

WARM = 5  # calls


async def _serve(calls: int, tool: str, arguments: str, command: list[str]) -> None:
    given = json.loads(arguments)
    server = StdioServerParameters(command=command[0], args=command[1:])
    async with Client(server) as client:
        for _ in range(WARM):
            await client.call_tool(tool, given)
        _say([])
        while await asyncio.to_thread(sys.stdin.readline):
            times = []
            for _ in range(calls):
                began = time.perf_counter()
                answer = await client.call_tool(tool, given)
                times.append((time.perf_counter() - began) * 1e6)
                if answer.is_error:
                    raise SystemExit(str(answer))
            _say(times)


def _say(times: list[float]) -> None:
    print(json.dumps(times), flush=True)  # noqa: T201  for who waits


if __name__ == "__main__":
    die_with(int(sys.argv[4]))
    asyncio.run(_serve(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[5:]))
