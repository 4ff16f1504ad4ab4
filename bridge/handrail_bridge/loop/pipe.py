"""Questions to the loop and its answers: bounded messages over a socket pair.

``SOCK_SEQPACKET`` keeps messages apart; the kernel's buffer bounds them; end of file is the
other side's death. The stop flag does not come this way.
"""

from __future__ import annotations

import json
import socket
from typing import Any

from handrail_drivers.errors import HandrailError, error_class

MESSAGE = 64 * 1024  # bytes, longest


class Pipe:
    """The loop's end. Never waits."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self.closed = False  # the bridge is gone

    def next(self) -> dict[str, Any] | None:
        """Return one waiting question, or None."""
        try:
            data = self._end.recv(MESSAGE)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return None
        question: dict[str, Any] = json.loads(data)
        return question

    def answer(
        self, number: int, result: object = None, error: HandrailError | None = None
    ) -> None:
        """Answer the question of that number; dropped where nobody takes it."""
        message = {"id": number, "result": result, "error": encode_error(error)}
        try:
            self._end.send(json.dumps(message, default=str).encode())
        except BlockingIOError:
            pass  # nobody reads: the bridge will time out
        except OSError:
            self.closed = True


def encode_error(error: HandrailError | None) -> dict[str, Any] | None:
    """Return an error as JSON values."""
    return None if error is None else {"code": error.code, **error.__dict__}


def decode_error(parts: dict[str, Any]) -> HandrailError:
    """Return the error that ``encode_error`` wrote, as the same class of the tree."""
    kind = error_class(parts.pop("code"))
    return kind.restore({**parts, "choices": tuple(parts["choices"])})
