"""MJPEG over HTTP: whole pictures or a fault, whatever a server says, sends, or drips."""

from __future__ import annotations

import base64
import contextlib
import io
import itertools
import re
import socket
import threading
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
from handrail_drivers.camera import mjpeg, opencv
from handrail_drivers.camera.multipart import LARGEST, Parts
from handrail_drivers.errors import DeviceFault
from hypothesis import given
from hypothesis import strategies as st

PICTURE = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=%s\r\n%s\r\n"
PLAIN = HEAD % (b"frame", b"")

contents = st.lists(st.binary(max_size=200).filter(lambda one: b"--frame" not in one), max_size=5)


def part(content: bytes, length: bool = True) -> bytes:
    said = b"Content-Length: %d\r\n" % len(content) if length else b""
    return b"--frame\r\nContent-Type: image/jpeg\r\n" + said + b"\r\n" + content + b"\r\n"


def all_of(sent: bytes) -> Iterator[bytes]:
    parts = Parts(io.BufferedReader(io.BytesIO(sent)), "frame")
    while (content := parts.next()) is not None:
        yield content


@given(contents, st.booleans(), st.sampled_from([b"", b"--frame--\r\n"]))
def test_what_was_sent_comes_out(sent: list[bytes], length: bool, end: bytes) -> None:
    whole = b"".join(part(content, length) for content in sent)
    if not length:
        end = b"--frame--\r\n"  # else nobody knows that the last has ended
    assert list(all_of(whole + end)) == sent


@given(contents, st.booleans(), st.data())
def test_of_a_stream_that_breaks_off_only_whole_parts_come_out(
    sent: list[bytes], length: bool, data: st.DataObject
) -> None:
    whole = b"".join(part(content, length) for content in sent)
    cut = data.draw(st.integers(0, len(whole)))
    found = []
    with contextlib.suppress(DeviceFault):
        found.extend(all_of(whole[:cut]))
    assert found == sent[: len(found)]


@given(st.binary(max_size=2000), st.lists(st.sampled_from([b"--frame\r\n", b"\r\n", PICTURE])))
def test_garbage_is_parts_or_a_fault(garbage: bytes, known: list[bytes]) -> None:
    with contextlib.suppress(DeviceFault):
        assert all(b"\n--frame" not in content for content in all_of(b"".join(known) + garbage))


@pytest.mark.parametrize("length", ["-1", "+5", "1_0", "\u0665", "x", "9" * 30, str(LARGEST + 1)])
def test_a_length_that_is_none_or_too_large_is_told(length: str) -> None:
    sent = f"--frame\r\nContent-Length: {length}\r\n\r\n".encode() + PICTURE
    with pytest.raises(DeviceFault, match="bytes"):
        next(all_of(sent))


def test_a_part_without_an_end_is_held_to_the_limit() -> None:
    with pytest.raises(DeviceFault, match="bytes") as caught:
        next(all_of(b"--frame\r\n\r\n" + b"x" * (LARGEST + 1)))
    assert (caught.value.limit, caught.value.unit) == (LARGEST, "By")
    with pytest.raises(DeviceFault, match="between"):
        next(all_of(b"x" * (1 << 20)))


@contextlib.contextmanager
def serving(*answers: bytes | Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """Give each connection one of the answers, the last for ever; yield host and requests."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for answer in itertools.chain(answers[:-1], itertools.repeat(answers[-1])):
                with contextlib.suppress(OSError), server.accept()[0] as client:
                    asked.append(client.recv(4096))
                    if not asked[-1]:
                        return  # the test's own, to end this
                    client.sendall(answer) if isinstance(answer, bytes) else answer(client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}", asked
        finally:
            socket.create_connection(server.getsockname()).close()
            thread.join()


def pictures(url: str) -> list[tuple[int, ...]]:
    """Return the sizes of all that it gives."""
    opened = mjpeg.stream(url)
    try:
        sizes = []
        while (image := opened.read()) is not None:
            sizes.append(image.shape)
        return sizes
    finally:
        opened.release()


@pytest.mark.parametrize("boundary", [b"frame", b'"frame"', b"--frame"])
@pytest.mark.parametrize("length", [True, False])
def test_the_ways_in_which_cameras_write_it(boundary: bytes, length: bool) -> None:
    body = part(PICTURE, length) * 2 + b"--frame--\r\n"
    with serving(HEAD % (boundary, b"") + body) as (host, asked):
        assert pictures(f"http://{host}/a/b?c=d") == [(48, 64, 3)] * 2
    assert asked[0].startswith(b"GET /a/b?c=d HTTP/1.1\r\n")


def test_it_may_come_in_chunks() -> None:
    body = part(PICTURE) * 2
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(body[at : at + 100]), body[at : at + 100])
        for at in range(0, len(body), 100)
    )
    head = HEAD % (b"frame", b"Transfer-Encoding: chunked\r\n")
    with serving(head + chunks + b"0\r\n\r\n") as (host, _):
        assert pictures(f"http://{host}") == [(48, 64, 3)] * 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (part(PICTURE[: len(PICTURE) // 2]), "no whole JPEG"),
        (part(b""), "no whole JPEG"),
        (part(PICTURE[:2] + PICTURE[-2:]), "no whole JPEG"),
        (part(cv2.imencode(".png", np.zeros((9, 9, 3)))[1].tobytes()), "no whole JPEG"),
        (part(PICTURE)[:-40], "in the middle"),
        (part(PICTURE, length=False), "in the middle"),
        (part(PICTURE).replace(PICTURE, PICTURE[:300] + b"\r\n") + part(PICTURE) * 2, "cut off"),
        (b"--frame\r\n" + b"X: y\r\n" * 200, "broke off"),
    ],
)
def test_what_is_no_whole_picture_is_a_fault(body: bytes, said: str) -> None:
    with serving(PLAIN + body) as (host, _), pytest.raises(DeviceFault, match=said):
        pictures(f"http://{host}/x")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://there/live\r\n\r\n", "302.*http://there/live"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "404 Not Found at http://127.0.0.1:[0-9]+/x[.]"),
        (b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\n\r\n", "401.*USER:PASSWORD@"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n", "sends image/jpeg.*no MJPEG"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "nothing that has a type"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed\r\n\r\n", "multipart/mixed"),
        (b"hello\r\n", "cannot be opened"),
        (b"", "cannot be opened"),
    ],
)
def test_an_answer_that_is_no_stream_is_told(answer: bytes, said: str) -> None:
    with serving(answer) as (host, _), pytest.raises(DeviceFault, match=said):
        mjpeg.stream(f"http://{host}/x")


@pytest.mark.parametrize("host", ["127.0.0.1:1", "127.0.0.1:99999", "", "a b"])
def test_an_address_where_nobody_is_is_told_without_its_password(host: str) -> None:
    with pytest.raises(DeviceFault, match="cannot be opened") as caught:
        mjpeg.stream(f"http://me:secret@{host}/x?password=secret")
    assert "secret" not in str(caught.value)


def test_the_password_of_the_address_is_given_as_the_server_wants_it() -> None:
    proofs = {
        b"Basic realm=x": "Basic " + base64.b64encode(b"me:a@b").decode(),
        b'Basic realm=x\r\nWWW-Authenticate: Digest realm="x", nonce="n", qop="auth"': "Digest ",
        b'Digest realm="x", nonce="n"': 'Digest username="me", realm="x", nonce="n", uri="/x"',
    }
    for challenge, proof in proofs.items():
        refusal = b"HTTP/1.1 401 No\r\nWWW-Authenticate: " + challenge + b"\r\n\r\n"
        with serving(refusal, PLAIN + part(PICTURE)) as (host, asked):
            assert pictures(f"http://me:a%40b@{host}/x") == [(48, 64, 3)]
        assert b"Authorization" not in asked[0]
        assert f"Authorization: {proof}".encode() in asked[1]


def test_a_password_that_is_wrong_is_told() -> None:
    refusal = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\n\r\n"
    with serving(refusal) as (host, _), pytest.raises(DeviceFault, match="not take") as caught:
        mjpeg.stream(f"http://me:secret@{host}/x")
    assert "secret" not in str(caught.value)


def test_a_camera_that_says_how_it_is_held_changes_no_picture() -> None:
    """Exif's orientation 3: upside down. Where things are is calibrated for the pixels as sent."""
    half = np.zeros((48, 64, 3), np.uint8)
    half[:24] = 255
    jpeg = cv2.imencode(".jpg", half)[1].tobytes()
    tags = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0"
    turned = jpeg[:2] + b"\xff\xe1" + (len(tags) + 2).to_bytes(2, "big") + tags + jpeg[2:]
    upright = cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR)
    assert upright[0, 0, 0] < 9, "OpenCV turns it unless it is told not to"
    image = opencv.decoded(turned)
    assert image is not None
    assert image[0, 0, 0] > 246


@pytest.mark.parametrize(
    ("limit", "answer", "said"),
    [
        ("OPEN_TIMEOUT", b"HTTP/1.1 200 OK\r\nX: ", "opened"),
        ("READ_TIMEOUT", PLAIN + b"--frame\r\n", "0.3 s"),
    ],
)
def test_a_server_that_drips_is_given_up(
    limit: str, answer: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mjpeg, limit, 0.3)
    over = threading.Event()

    def drip(client: socket.socket) -> None:
        client.sendall(answer)
        while not over.wait(0.05):  # which no timeout of one read would find
            client.sendall(b"x")

    with serving(drip) as (host, _):
        try:
            with pytest.raises(DeviceFault, match=re.escape(said)):
                pictures(f"http://{host}/x")
        finally:
            over.set()
