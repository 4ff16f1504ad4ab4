"""The client's end of tool calls: on a stream that stays open, half the way of single calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc.aio
from google.rpc import status_pb2
from handrail.v1 import rail_pb2 as rpc
from handrail.v1 import rail_pb2_grpc as stubs
from handrail_drivers.errors import InvalidRequest, ProcessLost
from pydantic_core import from_json, to_json

from handrail_bridge.client.asking import ANSWER, ask
from handrail_bridge.client.patience import Patience
from handrail_bridge.rpc.status import from_rpc, from_status


class ToolCalls:
    """Calls of observing tools. One at a time goes by the stream, those beside it by themselves.

    The stream is opened when it is first needed, and again where it has ended.
    """

    def __init__(self, rail: stubs.RailAsyncStub) -> None:
        self._rail = rail
        self._stream: Any = None
        self._taken = False  # a call is on the stream
        self._patience = Patience(ANSWER)

    async def call(self, tool: str, arguments: str) -> Any:
        """Call one tool that moves nothing with a JSON object; return its result.

        Raises:
            HandrailError: the tool's own refusal.
            ProcessLost: the bridge does not answer; a device may be set up yet.
        """
        if self._taken:
            return await self._single(tool, arguments)
        if self._stream is None or self._stream.done():
            self._stream = self._rail.CallTools()
        self._taken = True
        try:
            with self._patience:
                await self._stream.write(rpc.CallToolsRequest(name=tool, arguments_json=arguments))
                answer = await self._stream.read()
        except grpc.aio.AioRpcError as error:
            raise from_rpc(error) from None
        except TimeoutError:
            self.close()
            raise ProcessLost(f"The bridge did not answer within {ANSWER:g} s.") from None
        except BaseException:  # an answer that comes later would be taken for the next call's
            self.close()
            raise
        finally:
            self._taken = False
        return self._result(answer)

    def close(self) -> None:
        """End the stream."""
        self._patience.close()
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None

    async def _single(self, tool: str, arguments: str) -> Any:
        request = rpc.CallToolRequest(name=tool, arguments_json=arguments)
        return from_json((await ask(self._rail.CallTool(request, timeout=ANSWER))).result_json)

    def _result(self, answer: Any) -> Any:
        if answer is grpc.aio.EOF:
            self.close()
            raise ProcessLost("The bridge ended the stream.")
        if answer.error:
            raise from_status(status_pb2.Status.FromString(answer.error))
        return from_json(answer.result_json)


def written(arguments: Mapping[str, Any]) -> str:
    """Return arguments as JSON.

    Raises:
        InvalidRequest: they have none.
    """
    try:  # json would take three times as long
        return to_json(arguments, inf_nan_mode="constants").decode()
    except ValueError as error:
        raise InvalidRequest(f"The arguments are no JSON: {error}.", field="arguments") from None
