"""The truth port within a select loop: what is asked wrongly, and who does not read."""

from __future__ import annotations

import json
import select
import socket

import pytest
from handrail_drivers.errors import InvalidValue
from handrail_sim.twin.truth_port import LONGEST, TruthServer


def handle(op, arguments):
    """A world with three answers."""
    if op == "refuse":
        raise InvalidValue("There is no such thing.")
    if op == "bytes":
        return b"\0" * arguments["size"]
    return {"op": op, **arguments}


@pytest.fixture
def server(tmp_path):
    server = TruthServer(tmp_path / "truth.sock")
    yield server
    server.close()


@pytest.fixture
def connect(server, tmp_path):
    clients = []

    def connect():
        client = socket.socket(socket.AF_UNIX)
        clients.append(client)
        client.settimeout(5)
        client.connect(str(tmp_path / "truth.sock"))
        return client

    yield connect
    for client in clients:
        client.close()


def run(server):
    """Serve until nothing waits."""
    while ready := select.select(server.descriptors(), [], [], 0)[0]:
        for descriptor in ready:
            server.serve(descriptor, handle)


def ask(server, client, line):
    client.sendall(line)
    run(server)
    return json.loads(client.makefile("rb").readline())


def test_questions_may_come_in_pieces_and_together(server, connect):
    client = connect()
    client.sendall(b'{"op": "a", "x": 1}\n{"op"')
    run(server)
    client.sendall(b': "b"}\n')
    run(server)
    lines = client.makefile("rb")
    assert json.loads(lines.readline()) == {"answer": {"op": "a", "x": 1}}
    assert json.loads(lines.readline()) == {"answer": {"op": "b"}}


@pytest.mark.parametrize("line", [b"{", b"[]", b"3", b"{}", b'{"op": "bytes"}', b"\xff\xfe", b""])
def test_a_wrong_question_is_answered_and_the_next_one_too(server, connect, line):
    client = connect()
    assert "wrong arguments" in ask(server, client, line + b"\n")["error"]
    assert ask(server, client, b'{"op": "a"}\n') == {"answer": {"op": "a"}}


def test_a_refusal_is_said_in_its_own_words(server, connect):
    assert ask(server, connect(), b'{"op": "refuse"}\n') == {"error": "There is no such thing."}


def test_who_does_not_read_is_cut_off_and_holds_up_nobody(server, connect):
    deaf, other = connect(), connect()
    for _ in range(40):
        try:
            deaf.sendall(b'{"op": "bytes", "size": 50000}\n')
        except BrokenPipeError:
            break
        run(server)
    else:
        pytest.fail("the server still answers who does not read")
    assert ask(server, other, b'{"op": "a"}\n') == {"answer": {"op": "a"}}


def test_a_question_without_an_end_is_cut_off(server, connect):
    client = connect()
    before = len(server.descriptors())
    for _ in range(3):
        client.sendall(b"x" * (LONGEST // 2))
        run(server)
    assert len(server.descriptors()) == before
    assert client.recv(1) == b""


def test_who_leaves_is_forgotten_and_close_removes_the_socket(server, connect, tmp_path):
    client = connect()
    ask(server, client, b'{"op": "a"}\n')
    before = len(server.descriptors())
    client.close()
    run(server)
    assert len(server.descriptors()) == before - 1
    server.close()
    assert not (tmp_path / "truth.sock").exists()
