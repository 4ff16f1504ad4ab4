"""The truth port: how tests and the demo's last word ask the world itself.

One JSON object a line each way on a Unix socket; an answer's ``blob`` bytes follow its
line. Nothing of the bridge opens it.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from handrail_drivers.errors import HandrailError, InvalidValue, ProcessLost

from handrail_sim.world import Array

ANSWER = 10.0  # s, longest wait of either side
HISTORY_COLUMNS = 14  # sim time [s], monotonic time [s], q (6), qd (6)

Handler = Callable[[str, dict[str, Any]], Any]


@dataclass
class Question:
    """One request on its way to the world's thread and back."""

    op: str
    arguments: dict[str, Any]
    answered: threading.Event = field(default_factory=threading.Event)
    answer: Any = None
    error: str = ""


class TruthServer:
    """Takes questions in threads of its own; the world's thread answers them in ``serve``.

    ``wake`` is a descriptor that becomes readable when a question waits.
    """

    def __init__(self, path: Path) -> None:
        self._questions: queue.Queue[Question] = queue.Queue(maxsize=64)
        self.wake, self._poke = os.pipe()
        os.set_blocking(self.wake, False)
        port = self

        class Connection(socketserver.StreamRequestHandler):
            timeout = 3600.0

            def handle(self) -> None:
                with contextlib.suppress(OSError, ValueError):
                    for line in self.rfile:
                        self.wfile.write(port.ask(line))

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        self._server = Server(str(path), Connection)
        path.chmod(0o600)
        threading.Thread(target=self._server.serve_forever, name="truth", daemon=True).start()

    def ask(self, line: bytes) -> bytes:
        """Pass one request to the world's thread; return its answer as bytes."""
        request = json.loads(line)
        question = Question(request.pop("op"), request)
        self._questions.put(question, timeout=ANSWER)
        os.write(self._poke, b"?")
        if not question.answered.wait(ANSWER):
            return _line({"error": "the world did not answer in time"})
        if question.error:
            return _line({"error": question.error})
        if isinstance(question.answer, bytes):
            return _line({"blob": len(question.answer)}) + question.answer
        return _line({"answer": question.answer})

    def serve(self, handle: Handler) -> None:
        """Answer the questions that wait; called by the world's thread."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.wake, 64)
        while not self._questions.empty():
            question = self._questions.get_nowait()
            try:
                question.answer = handle(question.op, question.arguments)
            except HandrailError as error:
                question.error = str(error)
            except (TypeError, KeyError) as error:
                question.error = f"{question.op}: wrong arguments: {error!r}"
            question.answered.set()

    def close(self) -> None:
        """Stop listening and remove the socket."""
        self._server.shutdown()
        self._server.server_close()
        Path(str(self._server.server_address)).unlink(missing_ok=True)
        os.close(self.wake)
        os.close(self._poke)


@dataclass(frozen=True, slots=True)
class WireEvent:
    """One frame on a wire. ``direction``: ``in`` is towards the servos."""

    time_ns: int  # monotonic
    direction: str
    data: bytes


class TruthClient:
    """Asks the world. Synchronous; every question ends within its timeout."""

    def __init__(self, path: str | Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(2 * ANSWER)
        self._socket.connect(str(path))
        self._file = self._socket.makefile("rb")

    def ask(self, op: str, **arguments: Any) -> Any:
        """Send one request and return its answer.

        Raises:
            InvalidValue: the world refused it.
            ProcessLost: the twin is gone.
        """
        try:
            self._socket.sendall(_line({"op": op, **arguments}))
            answer = json.loads(self._file.readline() or b"{}")
            if "blob" in answer:
                return self._file.read(answer["blob"])
        except OSError as error:
            raise ProcessLost(f"The twin does not answer: {error}") from error
        if "error" in answer:
            raise InvalidValue(f"The twin: {answer['error']}", field=op)
        if "answer" not in answer:
            raise ProcessLost("The twin has closed its truth port.")
        return answer["answer"]

    def snapshot(self) -> dict[str, Any]:
        """Return what is true now; see ``Truth.snapshot``."""
        truth: dict[str, Any] = self.ask("truth")
        return truth

    def history(self, seconds: float = 60.0) -> Array:
        """Return rows (n, 14): sim time [s], monotonic time [s], q (6) [rad], qd (6) [rad/s]."""
        rows = np.frombuffer(self.ask("history", seconds=seconds), dtype="<f8")
        return rows.reshape(-1, HISTORY_COLUMNS)

    def wire_log(self, wire: str, since_ns: int = 0) -> list[WireEvent]:
        """Return the frames on a wire after a monotonic time, oldest first."""
        log = self.ask("wire_log", wire=wire, since_ns=since_ns)
        return [WireEvent(time_ns, way, bytes.fromhex(data)) for time_ns, way, data in log]

    def pull(self, wire: str) -> int:
        """Close a wire's terminal; return the monotonic time [ns] at which it was closed."""
        return int(self.ask("pull", wire=wire))

    def plug(self, wire: str) -> str:
        """Open it again; return the terminal's new path. The stable link follows."""
        return str(self.ask("plug", wire=wire))

    def inject(self, fault: str, joint: str = "", count: int = 1) -> None:
        """Cause a fault: silent, speaking, garble, brownout, overload, overheat, voltage, angle."""
        self.ask("inject", fault=fault, joint=joint, count=count)

    def slip(self) -> float:
        """Return by how much [s] the world fell behind the wall clock in all."""
        return float(self.ask("slip"))

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
