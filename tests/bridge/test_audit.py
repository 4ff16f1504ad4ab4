"""The audit log: on the disk before anything moves, and nobody changes it unseen."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from handrail_bridge import run_dir
from handrail_bridge.cli.main import app
from handrail_bridge.rail.audit import NAME, AuditLog, read, verify
from handrail_drivers.errors import AuditBroken, Refused, UnknownName
from typer.testing import CliRunner

ENTRIES = 20


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log of some entries."""
    written = AuditLog(tmp_path)
    for number in range(ENTRIES):
        written.append("note", what=f"act {number}", value=0.1 * number)
    written.close()
    return written.path


def tampered(log: Path, *statements: str) -> None:
    """Change the file as one does who has it."""
    with sqlite3.connect(log) as base:
        base.execute("DROP TRIGGER entries_stay")
        base.execute("DROP TRIGGER entries_are_fixed")
        for statement in statements:
            base.execute(statement)
    base.close()


def test_a_log_that_nobody_touched_is_whole(log: Path) -> None:
    last = verify(log)
    assert (last.number, last.body["what"]) == (ENTRIES, f"act {ENTRIES - 1}")
    assert read(log, 3) == read(log, ENTRIES)[-3:]
    assert read(log, 1) == [last]


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE entries SET body = '{}' WHERE number = 7", 7),
        ("UPDATE entries SET event = 'receipt' WHERE number = 7", 7),
        ("UPDATE entries SET time = time + 1 WHERE number = 7", 7),
        ("UPDATE entries SET hash = '00' WHERE number = 7", 7),
        ("DELETE FROM entries WHERE number = 7", 7),
        ("DELETE FROM entries WHERE number = 1", 1),
        ("UPDATE entries SET body = 'x' WHERE number = 20", 20),
    ],
)
def test_a_changed_entry_is_named(log: Path, statement: str, place: int) -> None:
    tampered(log, statement)
    with pytest.raises(AuditBroken) as found:
        verify(log)
    assert found.value.value == place


def test_entries_that_change_places_are_named(log: Path) -> None:
    tampered(
        log,
        "UPDATE entries SET number = 99 WHERE number = 5",
        "UPDATE entries SET number = 5 WHERE number = 6",
        "UPDATE entries SET number = 6 WHERE number = 99",
    )
    with pytest.raises(AuditBroken) as found:
        verify(log)
    assert found.value.value == 5


def test_a_tail_that_was_cut_off_shows_to_who_kept_a_head(log: Path) -> None:
    head = verify(log).hash
    tampered(log, "DELETE FROM entries WHERE number > 15")
    assert verify(log).number == 15
    with pytest.raises(AuditBroken, match="cut off"):
        verify(log, head)


def test_a_head_of_earlier_stays_in_a_log_that_grew(log: Path, tmp_path: Path) -> None:
    head = verify(log).hash
    AuditLog(tmp_path).append("note", what="later")
    assert verify(log, head).number == ENTRIES + 1


def test_the_file_itself_refuses_changes(log: Path) -> None:
    with sqlite3.connect(log) as base:
        for statement in ("DELETE FROM entries", "UPDATE entries SET body = '{}'"):
            with pytest.raises(sqlite3.Error, match="append-only"):
                base.execute(statement)
    base.close()


def test_threads_and_processes_make_one_chain(tmp_path: Path) -> None:
    logs = [AuditLog(tmp_path) for _ in range(2)]
    threads = [
        threading.Thread(target=lambda one=one: [one.append("note", what="x") for _ in range(20)])
        for one in logs * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify(logs[0].path).number == 80


WRITER = """
import sys, pathlib
from handrail_bridge.rail.audit import AuditLog
log = AuditLog(pathlib.Path(sys.argv[1]))
while True:
    print(log.append("note", what="x" * 500).number, flush=True)
"""


def test_what_was_said_to_be_written_survives_a_kill(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(30)]
        writer.send_signal(signal.SIGKILL)
    assert verify(tmp_path / NAME).number >= said[-1] == 30
    AuditLog(tmp_path).append("note", what="after")
    verify(tmp_path / NAME)


def limited(act: Callable[[], object], size: int) -> None:
    """Do something while no file may grow beyond a size [bytes]."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        act()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_disk_that_fills_up_refuses_and_spoils_nothing(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.append("note", what="room")
    wal = (tmp_path / f"{NAME}-wal").stat().st_size

    def too_much() -> None:
        with pytest.raises(Refused, match="cannot be written"):
            log.append("note", what="y" * 5000)

    limited(too_much, wal + 100)
    log.append("note", what="room again")
    assert [entry.body["what"] for entry in read(log.path, 9)] == ["room", "room again"]
    verify(log.path)


def test_a_folder_that_is_missing_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="cannot be written"):
        AuditLog(tmp_path / "missing")


@pytest.mark.parametrize("content", [None, b"", b"no database", os.urandom(4096)])
def test_what_is_no_log_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / NAME
    if content is not None:
        file.write_bytes(content)
    for look in (verify, lambda path: read(path, 3)):
        with pytest.raises(AuditBroken):
            look(file)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["audit", *arguments])
    return result.exit_code, result.stdout


def test_the_command_prints_a_head_and_takes_it_again(log: Path) -> None:
    status, said = run("verify", str(log), "--json")
    head = json.loads(said)["head"]
    assert (status, json.loads(said)["entries"]) == (0, ENTRIES)
    assert run("verify", str(log), "--head", head)[0] == 0
    assert run("verify", str(log), "--head", "f" * 64)[0] != 0


def test_the_command_says_what_was_done(log: Path) -> None:
    status, said = run("show", str(log), "--last", "2")
    assert status == 0
    assert "note: act 18" in said
    assert "note: act 19" in said
    assert "act 17" not in said


def test_a_log_is_found_by_its_name(log: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    home = tmp_path / "handrail" / "firmware"
    home.mkdir(parents=True)
    AuditLog(home).append("note", what="flashed")
    assert "note: flashed" in run("show", "firmware")[1]
    refused = CliRunner().invoke(app, ["audit", "show", "../firmware"]).exception
    assert isinstance(refused, UnknownName)
    assert refused.choices == ("firmware",)


def test_without_a_name_it_is_the_running_cells(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    AuditLog(run_dir.state_dir("mine")).append("note", what="ran")
    with contextlib.closing(run_dir.RunDir("mine")) as held:
        held.publish("127.0.0.1:1", ())
        assert "note: ran" in run("show")[1]
    assert run("show")[0] != 0


def test_entries_have_their_own_numbers_and_cards_theirs(tmp_path: Path) -> None:
    log = AuditLog(tmp_path)
    log.append("note", what="before")
    log.append("decided", number=7, approve=True, approver="ann", trajectory_digest="d")
    entries = json.loads(run("show", str(log.path), "--json")[1])["entries"]
    assert [entry["number"] for entry in entries] == [1, 2]
    assert entries[1]["card"] == 7
