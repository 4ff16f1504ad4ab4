"""The parts of an endless multipart body (RFC 2046, 5.1), as cameras send MJPEG over HTTP."""

from __future__ import annotations

import http.client
import io

from handrail_drivers.errors import DeviceFault

LARGEST = 16 << 20  # bytes of a part
LONGEST_LINE = 1 << 16
PREAMBLE = 1 << 16  # bytes before a boundary


class Parts:
    """Reads one part after the other; strict, since a part that is misread is a wrong picture."""

    def __init__(self, body: io.BufferedIOBase, boundary: str) -> None:
        self._body = body
        # Some cameras declare their boundary with the dashes that only go before it.
        self._mark = boundary.encode("latin-1", "replace").strip(b"-")
        self._found = b""  # a line with the mark, already read

    def next(self) -> bytes | None:
        """Return the next part's content; None: there is none any more.

        Raises:
            DeviceFault: it is not whole, too large, or no part.
            OSError: the body cannot be read.
            http.client.HTTPException: its head or its chunks are none.
        """
        line, self._found = self._found or self._reach_mark(), b""
        if not line or line.rstrip().endswith(self._mark + b"--"):  # which says: the last
            return None
        length = http.client.parse_headers(self._body).get("Content-Length", "").strip()
        content = self._exactly(length) if length else self._until_mark()
        if b"\n--" + self._mark in content:
            raise DeviceFault("It sent a picture that the next one cut off.")
        return content

    def _reach_mark(self) -> bytes:
        skipped = 0
        while line := self._body.readline(LONGEST_LINE):
            if self._is_mark(line):
                return line
            skipped += len(line)
            if skipped > PREAMBLE:
                raise DeviceFault("It sent something else between two pictures.")
        return b""

    def _is_mark(self, line: bytes) -> bool:
        return line.startswith(b"--") and line.strip().strip(b"-") == self._mark

    def _exactly(self, length: str) -> bytes:
        if not (length.isascii() and length.isdecimal() and len(length) < 20):
            raise DeviceFault(f"It says that a picture has {length[:20]!r} bytes.")
        if int(length) > LARGEST:
            raise _too_large(int(length))
        content = self._body.read(int(length))
        if len(content) < int(length):
            raise _ended()
        return content

    def _until_mark(self) -> bytes:
        content = bytearray()
        while line := self._body.readline(LONGEST_LINE):
            if content.endswith(b"\n") and self._is_mark(line):
                self._found = line
                return bytes(content.removesuffix(b"\n").removesuffix(b"\r"))
            content += line
            if len(content) > LARGEST:
                raise _too_large(len(content))
        raise _ended()


def _ended() -> DeviceFault:
    return DeviceFault("It ended in the middle of a picture.")


def _too_large(length: int) -> DeviceFault:
    return DeviceFault(
        f"It sent a picture of {length} bytes.", value=length, limit=LARGEST, unit="By"
    )
