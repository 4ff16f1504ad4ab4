"""Firmware built once a run."""

from __future__ import annotations

import subprocess

import pytest
from virtual_board import CORE, FIRMWARE, VirtualBoard, compiled

SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@pytest.fixture(scope="session")
def sanitized_board(tmp_path_factory):
    """The desk's image as a process, with ASan and UBSan."""
    return compiled(tmp_path_factory.mktemp("board") / "board", *SANITIZED)


@pytest.fixture(scope="session")
def host_board(tmp_path_factory):
    """The same without sanitizers, for real time."""
    return compiled(tmp_path_factory.mktemp("board") / "board", "-O2")


@pytest.fixture
def virtual(sanitized_board):
    with VirtualBoard(sanitized_board) as board:
        yield board


@pytest.fixture(scope="session")
def core_library(tmp_path_factory):
    """The frame codec as a shared library."""
    path = tmp_path_factory.mktemp("core") / "core.so"
    source = FIRMWARE / "core" / "frame.c"
    command = ["gcc", "-std=c11", "-O2", "-shared", "-fPIC", f"-I{CORE}", source, "-o", path]
    subprocess.run(command, check=True, timeout=60)
    return path
