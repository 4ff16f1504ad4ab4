"""What each road to the stop flag costs bare: a call, a process, a signal, a polled input.

``python -m ... grpc-server | grpc-call ADDRESS | signal | input PORT RATE``. Each prints a line
when it is there, and then the monotonic time [ns] at which it was reached, a line each time.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from typing import Any

import grpc
import grpc.aio
import serial

SERVICE, METHOD = "bench.Echo", "Reach"
CALL = 10.0  # s
BAUD = 19200


async def _serve() -> None:
    async def reach(_request: bytes, _context: Any) -> bytes:
        return str(time.monotonic_ns()).encode()

    server = grpc.aio.server()
    handlers: dict[str, Any] = {METHOD: grpc.unary_unary_rpc_method_handler(reach)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    _say(server.add_insecure_port("127.0.0.1:0"))
    await server.start()
    await server.wait_for_termination()


def _call(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        reach: Any = channel.unary_unary(f"/{SERVICE}/{METHOD}")
        _say(reach(b"", timeout=CALL).decode())


def _await_signals() -> None:
    signal.signal(signal.SIGUSR1, lambda *_: _say(time.monotonic_ns()))
    _say("ready")
    while True:
        signal.pause()


def _poll(path: str, rate: float) -> None:
    with serial.Serial(path, BAUD, timeout=0.1) as port:
        was, due = _level(port), time.monotonic()
        _say("ready")
        while True:
            due += 1 / rate
            time.sleep(max(0.0, due - time.monotonic()))
            if (now := _level(port)) != was:
                _say(time.monotonic_ns())
                was = now


def _level(port: serial.Serial) -> bytes:
    port.reset_input_buffer()
    port.write(b"gpio readall\r")
    return bytes(port.read_until(b">"))


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["grpc-server"]:
            asyncio.run(_serve())
        case ["grpc-call", address]:
            _call(address)
        case ["signal"]:
            _await_signals()
        case ["input", path, rate]:
            _poll(path, float(rate))
