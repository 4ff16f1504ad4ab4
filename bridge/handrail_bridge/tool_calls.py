"""The client's end of a stream of tool calls: half the way of single ones."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc.aio
from google.rpc import status_pb2
from handrail.v1 import rail_pb2 as rpc
from handrail_drivers.errors import ProcessLost

from handrail_bridge.asking import ANSWER, ask
from handrail_bridge.status import from_status


class ToolCalls:
    """Calls of observing tools on one stream."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._turn = asyncio.Lock()

    async def call(self, tool: str, /, **arguments: Any) -> dict[str, Any]:
        """Call one tool that moves nothing; return its result.

        Raises:
            HandrailError: the tool's own refusal. The stream goes on.
            ProcessLost: the stream has ended, or does not answer.
        """
        request = rpc.CallToolRequest(name=tool, arguments_json=json.dumps(arguments))
        async with self._turn:
            answer = await ask(self._exchange(rpc.CallToolsRequest(call=request)))
        if answer.WhichOneof("outcome") == "error":
            raise from_status(status_pb2.Status.FromString(answer.error))
        result: dict[str, Any] = json.loads(answer.result.result_json)
        return result

    async def _exchange(self, request: rpc.CallToolsRequest) -> Any:
        try:
            async with asyncio.timeout(ANSWER):
                await self._stream.write(request)
                answer = await self._stream.read()
        except BaseException:  # an answer that comes later would be taken for the next call's
            self._stream.cancel()
            raise
        if answer is grpc.aio.EOF:
            raise ProcessLost("The bridge ended the stream.")
        return answer
