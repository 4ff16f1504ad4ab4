"""Motion JPEG over HTTP: what a network camera serves, here from frames of our own."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CLIENT_TIMEOUT = 5.0  # s that a client may take no bytes
BOUNDARY = "frame"


class Stream:
    """The newest JPEG of one camera, and how many clients wait for the next."""

    def __init__(self, wanted: threading.Event) -> None:
        self._wanted = wanted
        self._changed = threading.Condition()
        self._jpeg = b""
        self._number = 0
        self._clients = 0

    @property
    def clients(self) -> int:
        """How many clients look."""
        return self._clients

    def offer(self, jpeg: bytes) -> None:
        """Hand a new frame to every client."""
        with self._changed:
            self._jpeg = jpeg
            self._number += 1
            self._changed.notify_all()

    def after(self, number: int, timeout: float) -> tuple[bytes, int]:
        """Return a frame newer than ``number`` and its number; empty if there is none in time."""
        with self._changed:
            newer = self._changed.wait_for(lambda: self._number > number, timeout)
            return (self._jpeg, self._number) if newer else (b"", number)

    def __enter__(self) -> int:
        """Begin to look; return the number of the newest frame, which is already old."""
        with self._changed:
            self._clients += 1
            self._wanted.set()
            return self._number

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._clients -= 1


class Server(ThreadingHTTPServer):
    """Serves each stream at /<camera>.mjpg on the loopback."""

    daemon_threads = True
    block_on_close = False  # a client that looks must not hold up the end

    def __init__(self, streams: dict[str, Stream]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.streams = streams


class Handler(BaseHTTPRequestHandler):
    """One client's connection."""

    server: Server
    timeout = CLIENT_TIMEOUT

    def do_GET(self) -> None:
        """Stream the camera that the path names until the client goes."""
        stream = self.server.streams.get(self.path.strip("/").removesuffix(".mjpg"))
        if stream is None:
            names = ", ".join(f"/{name}.mjpg" for name in self.server.streams)
            self.send_error(404, "No such camera", f"Cameras: {names}")
            return
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        try:
            self._send_frames(stream)
        except OSError:
            self.close_connection = True  # the client went, or took nothing for too long

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent: who looks at a camera is no news."""

    def _send_frames(self, stream: Stream) -> None:
        with stream as number:
            while True:
                jpeg, number = stream.after(number, CLIENT_TIMEOUT)
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}"
                if jpeg:
                    self.wfile.write(head.encode() + b"\r\n\r\n" + jpeg + b"\r\n")
