"""A board to flash, and folders that are nobody's."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from board_process import BoardProcess
from flash_rig import SCRIPT
from virtual_board import compiled


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("board") / "board", "-O1")


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return tmp_path


@pytest.fixture
def board(program: Path) -> Iterator[BoardProcess]:
    with BoardProcess(program) as process:
        yield process


@pytest.fixture
def avrdude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Callable[[], list]]:
    """Put a programmer on the path that works at one rate alone; return what it was told."""
    log = tmp_path / "avrdude.log"

    def put(good: int) -> Callable[[], list]:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        script = folder / "avrdude"
        script.write_text(SCRIPT.format(log=log, good=good))
        script.chmod(stat.S_IRWXU)
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        return lambda: log.read_text().splitlines() if log.exists() else []

    return put
