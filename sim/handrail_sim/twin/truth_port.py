"""The truth port: how tests and the demo's last word ask the world itself.

One JSON object a line each way on a Unix socket; an answer's ``blob`` bytes follow its
line. Nothing of the bridge opens it.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from handrail_drivers.errors import HandrailError, InvalidValue, ProcessLost

from handrail_sim.world import Array

ANSWER = 20.0  # s, longest wait for an answer
LONGEST = 65_536  # bytes of a question
PAGE = 500  # rows of the history at most in one answer

Handler = Callable[[str, dict[str, Any]], Any]


class TruthServer:
    """Answers questions within the world's own select loop: no thread, nothing that waits.

    Every answer is small (long ones are asked for page by page), so that the physics is not
    held up; who does not read its answers is cut off.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen()
        self._listener.setblocking(False)
        self._clients: dict[int, tuple[socket.socket, bytearray]] = {}

    def descriptors(self) -> list[int]:
        """Return what to wait for."""
        return [self._listener.fileno(), *self._clients]

    def serve(self, descriptor: int, handle: Handler) -> None:
        """Take what waits on a descriptor that is readable, and answer whole questions."""
        if descriptor == self._listener.fileno():
            self._accept()
            return
        client, pending = self._clients[descriptor]
        try:
            data = client.recv(LONGEST)
            pending += data
            *lines, rest = pending.split(b"\n")
            pending[:] = rest
            for line in lines:
                _send(client, _answer(bytes(line), handle))
        except OSError:
            data = b""
        if not data or len(pending) > LONGEST:
            del self._clients[descriptor]
            client.close()

    def close(self) -> None:
        """Stop listening, cut all off and remove the socket."""
        for client, _ in self._clients.values():
            client.close()
        self._clients.clear()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()
            client.setblocking(False)
            self._clients[client.fileno()] = (client, bytearray())


def _answer(line: bytes, handle: Handler) -> bytes:
    """Return the answer to one question as bytes; a wrong question has an answer too."""
    op: Any = "?"
    try:
        arguments = json.loads(line)
        op = arguments.pop("op")
        answer = handle(op, arguments)
    except HandrailError as error:
        return _line({"error": str(error)})
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        return _line({"error": f"{op}: wrong arguments: {error!r}"})
    if isinstance(answer, bytes):
        return _line({"blob": len(answer)}) + answer
    return _line({"answer": answer})


def _send(client: socket.socket, data: bytes) -> None:
    """Send all at once or not at all: the world does not wait for a reader."""
    if client.send(data) != len(data):
        raise BlockingIOError("the answer does not fit: nobody reads")


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
        self._socket.settimeout(ANSWER)
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
        """Return rows: sim time [s], monotonic time [s], positions [rad, m], velocities of joints.

        Those of the arm and its jaw; (n, 14) of an arm with six.
        """
        first, end, columns = self.ask("history", seconds=seconds)
        pages = (
            self.ask("history_rows", first=start, end=min(start + PAGE, end))
            for start in range(first, end, PAGE)
        )
        return np.frombuffer(b"".join(pages), dtype="<f8").reshape(-1, columns)

    def wire_log(self, wire: str, since_ns: int = 0) -> list[WireEvent]:
        """Return the frames on a wire after a monotonic time, oldest first."""
        number, end = self.ask("wire_log", wire=wire, since_ns=since_ns)
        events: list[WireEvent] = []
        while number < end:
            page = self.ask("wire_log_entries", wire=wire, first=number, end=end)
            events += [WireEvent(time_ns, way, bytes.fromhex(data)) for time_ns, way, data in page]
            number += len(page)
        return events

    def pull(self, wire: str) -> int:
        """Close a wire's terminal; return the monotonic time [ns] at which it was closed."""
        return int(self.ask("pull", wire=wire))

    def plug(self, wire: str) -> str:
        """Open it again; return the terminal's new path. The stable link follows."""
        return str(self.ask("plug", wire=wire))

    def press(self, device: str, input: str) -> int:
        """Press a button and leave it pressed; return the monotonic time [ns] of it."""
        return int(self.ask("press", device=device, input=input))

    def release(self, device: str, input: str) -> int:
        """Turn a button loose; return the monotonic time [ns] of it."""
        return int(self.ask("release", device=device, input=input))

    def outputs(self, device: str) -> dict[str, float]:
        """Return what a device does to the world now, by name, as its stand-in knows it."""
        return dict(self.ask("outputs", device=device))

    def inject(self, fault: str, joint: str = "", count: int = 1) -> None:
        """Cause a fault.

        Of the wire: garble. Of a joint's servo: silent, speaking, brownout, weak, strong, overload,
        overheat, voltage, angle. Of the joint itself, which no wire shows: jammed, free. Of a
        Modbus device, named as ``joint``: silent, speaking, garble, brownout.
        """
        self.ask("inject", fault=fault, joint=joint, count=count)

    def put(self, name: str, x: float, y: float) -> None:
        """Put an object elsewhere on the table [m], as a hand would."""
        self.ask("put", name=name, x=x, y=y)

    def reach(self, x: float, y: float, z: float = 0.08, yaw: float = 0.0) -> None:
        """Have a hand reach into the cell: palm at a place [m], fingers to ``yaw`` [rad]."""
        self.ask("reach", x=x, y=y, z=z, yaw=yaw)

    def withdraw(self) -> None:
        """Have the hand gone."""
        self.ask("withdraw")

    def slip(self) -> float:
        """Return by how much [s] the world fell behind the wall clock in all."""
        return float(self.ask("slip"))

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
