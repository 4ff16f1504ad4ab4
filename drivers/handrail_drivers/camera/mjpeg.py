"""MJPEG over HTTP. Read here, since FFMPEG fills what a cut picture lacks with an older one."""

from __future__ import annotations

import http.client
import io
import socket
import time
import urllib.request
from base64 import b64encode
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from handrail_drivers.camera import opencv
from handrail_drivers.camera.driver import Image
from handrail_drivers.camera.multipart import Parts
from handrail_drivers.errors import DeviceFault

OPEN_TIMEOUT = READ_TIMEOUT = 2.0  # s, for all of it: a server may send a byte at a time
SAID = 200  # characters of what a server says


class _Timely(io.RawIOBase):
    """A socket's bytes until a deadline."""

    def __init__(self, sock: socket.socket, raw: Any) -> None:
        self._sock, self._raw = sock, raw
        self.deadline = time.monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        read: int | None = self._raw.readinto(buffer)
        return read

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that has come whole within its socket's timeout, however slowly it comes."""

    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.timely = _Timely(sock, self.fp.detach())
        self.fp = io.BufferedReader(self.timely)


class Stream:
    """A stream that is open."""

    def __init__(self, answer: _Answer, boundary: str) -> None:
        self._answer = answer
        self._parts = Parts(answer, boundary)

    def read(self) -> Image | None:
        """Return the next picture (height, width, 3) BGR; None: there is none any more.

        Raises:
            DeviceFault: what came is no whole picture, or nothing came.
        """
        self._answer.timely.deadline = time.monotonic() + READ_TIMEOUT
        try:
            part = self._parts.next()
        except TimeoutError:
            raise DeviceFault(f"It has sent no whole picture for {READ_TIMEOUT:g} s.") from None
        except (OSError, http.client.HTTPException) as error:
            raise DeviceFault(f"Its stream broke off: {error}.") from None
        if part is None:
            return None
        image = opencv.decoded(part) if part.startswith(opencv.START_OF_JPEG) else None
        if image is None:
            raise DeviceFault(f"It sent {len(part)} bytes that are no whole JPEG.")
        return image

    def release(self) -> None:
        """Close it."""
        self._answer.close()


def stream(url: str) -> Stream:
    """Open MJPEG over HTTP; user and password may stand in the address (Basic, Digest).

    Raises:
        DeviceFault: nobody answers there, or something else than MJPEG.
    """
    try:
        answer = _answer(urlsplit(url), time.monotonic() + OPEN_TIMEOUT)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DeviceFault(
            f"It cannot be opened at {opencv.shown(url)}: {str(error)[:SAID]}."
        ) from None
    try:
        return Stream(answer, _boundary(answer, url))
    except DeviceFault:
        answer.close()
        raise


def _answer(url: SplitResult, deadline: float) -> _Answer:
    answer = _asked(url, deadline, {})
    challenges = answer.headers.get_all("WWW-Authenticate", [])
    if answer.status != 401 or url.username is None or not challenges:
        return answer
    answer.close()
    # Digest first: it does not tell the password.
    challenge = min(challenges, key=lambda one: not one.lower().startswith("digest"))
    return _asked(url, deadline, {"Authorization": _authorization(url, challenge)})


def _asked(url: SplitResult, deadline: float, headers: dict[str, str]) -> _Answer:
    secure = url.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=_left(deadline))
    connection.response_class = _Answer
    connection.connect()
    with connection.sock as sock:  # the answer keeps it open until it is closed itself
        sock.settimeout(_left(deadline))
        connection.request("GET", _target(url), headers={"Connection": "close", **headers})
        answer = connection.getresponse()
    assert isinstance(answer, _Answer)  # noqa: S101  as the connection was told
    return answer


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _target(url: SplitResult) -> str:
    return (url.path or "/") + (f"?{url.query}" if url.query else "")


def _authorization(url: SplitResult, challenge: str) -> str:
    """What proves who asks (RFC 7617 and 7616).

    Raises:
        ValueError: a kind of proof that is unknown here.
    """
    user, password = unquote(url.username or ""), unquote(url.password or "")
    kind, _, rest = challenge.partition(" ")
    if kind.lower() == "basic":
        return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
    if kind.lower() != "digest":
        raise ValueError(f"it wants {kind[:SAID]} as proof of who asks, not Basic or Digest")
    asked = urllib.request.Request(f"http://{url.hostname}{_target(url)}")
    known = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    known.add_password(None, asked.full_url, user, password)
    fields = urllib.request.parse_keqv_list(urllib.request.parse_http_list(rest))
    proof = urllib.request.AbstractDigestAuthHandler(known).get_authorization(asked, fields)
    return f"Digest {proof}"


def _boundary(answer: _Answer, url: str) -> str:
    where = opencv.shown(url)
    if answer.status != 200:
        raise DeviceFault(
            f"It answers {answer.status} {answer.reason[:SAID]} at {where}.",
            hint=_hint(answer, url),
        )
    boundary = answer.headers.get_boundary("").strip("-")
    if answer.headers.get_content_maintype() != "multipart" or not boundary:
        kind = answer.headers.get("Content-Type", "nothing that has a type")[:SAID]
        raise DeviceFault(
            f"It sends {kind} at {where}, no MJPEG (multipart/x-mixed-replace).",
            hint="look up the address of its MJPEG stream; others than MJPEG come by rtsp://",
        )
    return boundary


def _hint(answer: _Answer, url: str) -> str:
    elsewhere = answer.headers.get("Location")
    if 300 <= answer.status < 400 and elsewhere:
        return f"the stream has moved: the cell has to name {elsewhere[:SAID]}"
    if answer.status == 401 and urlsplit(url).username is None:
        return "write its user and password in the address: http://USER:PASSWORD@..."
    if answer.status in (401, 403):
        return "it does not take the user and password of the address"
    return "look up the address of its MJPEG stream"
