"""The client's end of tool calls: on a stream that stays open, half the way of single calls."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc.aio
from google.rpc import status_pb2
from handrail.v1 import rail_pb2 as rpc
from handrail.v1 import rail_pb2_grpc as stubs
from handrail_drivers.errors import ProcessLost

from handrail_bridge.asking import ANSWER, ask
from handrail_bridge.status import from_rpc, from_status


class ToolCalls:
    """Calls of observing tools. One at a time goes by the stream, those beside it by themselves.

    The stream is opened when it is first needed, and again where it has ended.
    """

    def __init__(self, rail: stubs.RailAsyncStub) -> None:
        self._rail = rail
        self._stream: Any = None
        self._turn = asyncio.Lock()

    async def call(self, tool: str, arguments: str) -> Any:
        """Call one tool that moves nothing with a JSON object; return its result.

        Raises:
            HandrailError: the tool's own refusal.
            ProcessLost: the bridge does not answer.
        """
        if self._turn.locked():
            request = rpc.CallToolRequest(name=tool, arguments_json=arguments)
            single = await ask(self._rail.CallTool(request, timeout=ANSWER))
            return json.loads(single.result_json)
        async with self._turn:
            answer = await self._exchange(rpc.CallToolsRequest(name=tool, arguments_json=arguments))
        if answer.error:
            raise from_status(status_pb2.Status.FromString(answer.error))
        return json.loads(answer.result_json)

    def close(self) -> None:
        """End the stream."""
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None

    async def _exchange(self, request: rpc.CallToolsRequest) -> Any:
        if self._stream is None or self._stream.done():
            self._stream = self._rail.CallTools()
        try:
            async with asyncio.timeout(ANSWER):
                await self._stream.write(request)
                answer = await self._stream.read()
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error) from None
        except TimeoutError:
            self.close()
            raise ProcessLost(f"The bridge did not answer within {ANSWER:g} s.") from None
        except BaseException:  # an answer that comes later would be taken for the next call's
            self.close()
            raise
        if answer is grpc.aio.EOF:
            self.close()
            raise ProcessLost("The bridge ended the stream.")
        return answer
