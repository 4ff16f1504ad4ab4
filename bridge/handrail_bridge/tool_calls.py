"""The client's end of a stream of tool calls: half the way of single ones."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import grpc.aio
from google.rpc import status_pb2
from handrail.v1 import rail_pb2 as rpc
from handrail_drivers.errors import ProcessLost

from handrail_bridge.asking import ANSWER
from handrail_bridge.status import from_rpc, from_status


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
        request = rpc.CallToolsRequest(name=tool, arguments_json=json.dumps(arguments))
        async with self._turn:
            answer = await self._exchange(request)
        if answer.error:
            raise from_status(status_pb2.Status.FromString(answer.error))
        result: dict[str, Any] = json.loads(answer.result_json)
        return result

    async def _exchange(self, request: rpc.CallToolsRequest) -> Any:
        if self._stream.done():
            raise ProcessLost("The stream has ended.", hint="open another one")
        try:
            async with asyncio.timeout(ANSWER):
                await self._stream.write(request)
                answer = await self._stream.read()
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error) from None
        except TimeoutError:
            self._stream.cancel()
            raise ProcessLost(f"The bridge did not answer within {ANSWER:g} s.") from None
        except BaseException:  # an answer that comes later would be taken for the next call's
            self._stream.cancel()
            raise
        if answer is grpc.aio.EOF:
            raise ProcessLost("The bridge ended the stream.")
        return answer
