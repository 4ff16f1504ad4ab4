"""A model API on loopback for tests: it speaks the Messages API and plays scripted models.

The real ``anthropic`` client is pointed at it by ``base_url``. A script is a function from the
request to the next reply. What the real API would refuse, this one refuses: a tool call without
its result, a result without its call, more than four cache breakpoints, no key.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from scripted_model import Fault, Reply, Request, Script

KEY = "test-key"
BREAKPOINTS = 4
PIECE = 17  # characters of a streamed delta

_numbers = itertools.count(1)


class ModelApi:
    """The server while it runs: its address, and every request that came."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[Request] = []
        self.faults: list[str] = []  # requests that the API would refuse, scripts that failed
        self._cached: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.environment = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": self.url}
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @classmethod
    @contextlib.contextmanager
    def running(cls, script: Script) -> Iterator[ModelApi]:
        """Serve while the block runs; a request that broke the protocol fails the test."""
        api = cls(script)
        api._thread.start()
        try:
            yield api
        finally:
            api._server.shutdown()
            api._thread.join(10.0)
            api._server.server_close()
        assert not api.faults, api.faults

    def answer(self, request: Request) -> Reply | Fault:
        """Play the script, or refuse what the API would refuse."""
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if KEY not in (given, request.headers.get("x-api-key")):
            return Fault(401, "authentication_error")
        if wrong := broken(request.body):
            self.faults.append(wrong)
            return Fault(400, "invalid_request_error")
        self.requests.append(request)
        try:
            return self.script(request)
        except Exception as error:  # noqa: BLE001 # the test is told
            self.faults.append(f"the script failed: {error!r}")
            return Fault(400, "invalid_request_error")

    def usage(self, body: dict[str, Any], output: int) -> dict[str, int]:
        """Count tokens: four characters are one. A prefix that was marked before is cached."""
        prefix = json.dumps([body.get("tools"), body.get("system")])
        whole = (len(json.dumps(body["messages"])) + len(prefix)) // 4
        marked = "cache_control" in prefix
        digest = hashlib.sha256(prefix.encode()).hexdigest()
        known = marked and digest in self._cached
        self._cached.add(digest)
        cached = len(prefix) // 4 if marked else 0
        return {
            "input_tokens": whole - cached,
            "cache_creation_input_tokens": 0 if known else cached,
            "cache_read_input_tokens": cached if known else 0,
            "output_tokens": output,
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10.0

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                found = api.answer(Request(body, headers))
                if isinstance(found, Fault):
                    send_fault(self, found)
                elif body.get("stream"):
                    send_stream(self, found, message(api, body, found))
                else:
                    send_json(self, 200, {}, message(api, body, found))

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


def message(api: ModelApi, body: dict[str, Any], found: Reply) -> dict[str, Any]:
    """The reply as the API's message."""
    output = max(1, len(json.dumps(list(found.content))) // 4)
    return {
        "id": f"msg_{next(_numbers):06}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": list(found.content),
        "stop_reason": found.stop,
        "stop_sequence": None,
        "usage": api.usage(body, output),
    }


def send_json(
    to: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: dict[str, Any]
) -> None:
    """Answer with one JSON document."""
    data = json.dumps(body).encode()
    to.send_response(status)
    for name, value in headers.items():
        to.send_header(name, value)
    to.send_header("content-type", "application/json")
    to.send_header("content-length", str(len(data)))
    to.end_headers()
    to.wfile.write(data)


def send_fault(to: BaseHTTPRequestHandler, fault: Fault) -> None:
    """Answer with an error; status 0 says nothing at all and hangs up."""
    if not fault.status:
        to.close_connection = True
        return
    body = {"type": "error", "error": {"type": fault.kind, "message": fault.kind}}
    send_json(to, fault.status, fault.headers, body)


def send_stream(to: BaseHTTPRequestHandler, found: Reply, whole: dict[str, Any]) -> None:
    """Answer with server-sent events, or with the first few of them."""
    to.send_response(200)
    to.send_header("content-type", "text/event-stream")
    to.send_header("transfer-encoding", "chunked")
    to.end_headers()
    for number, event in enumerate(events(whole)):
        if number == found.cut_after:
            to.close_connection = True  # in the middle of a chunked body
            return
        data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        to.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        to.wfile.flush()
    to.wfile.write(b"0\r\n\r\n")


def events(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of which a streamed message is made."""
    usage = whole["usage"]
    start = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield {"type": "message_start", "message": start}
    yield {"type": "ping"}
    for index, block in enumerate(whole["content"]):
        calls = block["type"] == "tool_use"
        empty = {**block, "input": {}} if calls else {**block, "text": ""}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        text = json.dumps(block["input"]) if calls else block["text"]
        for at in range(0, len(text), PIECE):
            piece = text[at : at + PIECE]
            delta = (
                {"type": "input_json_delta", "partial_json": piece}
                if calls
                else {"type": "text_delta", "text": piece}
            )
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield {
        "type": "message_delta",
        "delta": delta,
        "usage": {"output_tokens": usage["output_tokens"]},
    }
    yield {"type": "message_stop"}


def broken(body: dict[str, Any]) -> str:
    """What is wrong with a request; empty where nothing is."""
    missing = [name for name in ("model", "max_tokens", "messages") if not body.get(name)]
    if missing:
        return f"without {missing}"
    if json.dumps(body).count('"cache_control"') > BREAKPOINTS:
        return "too many cache breakpoints"
    if body["messages"][0]["role"] != "user":
        return "the first message is not the user's"
    return _unanswered(body["messages"])


def _unanswered(messages: list[dict[str, Any]]) -> str:
    """Each call of a tool has its result in the very next message, and no result lacks its call."""
    open_calls: set[str] = set()
    for message in messages:
        content = message["content"]
        blocks = [] if isinstance(content, str) else content
        if not content:
            return "an empty message"
        results = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if results != open_calls:
            return f"calls {sorted(open_calls)} were answered by {sorted(results)}"
        open_calls = {block["id"] for block in blocks if block["type"] == "tool_use"}
        if open_calls and message["role"] != "assistant":
            return "a user calls tools"
    return f"calls {sorted(open_calls)} were never answered" if open_calls else ""
