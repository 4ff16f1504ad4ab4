"""docs/driver-in-an-hour.md: every command in it runs, every file of it is written, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "driver-in-an-hour.md"
BLOCK = re.compile(r"(?:^`([^`\n]+)`\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHANGE = "\n---\n"  # between what is replaced and what stands there then


def steps() -> list[tuple[str, str, str]]:
    return BLOCK.findall(TUTORIAL.read_text(encoding="utf-8"))


@pytest.fixture
def shell(tmp_path):
    """A folder, and an environment in which Handrail is installed and nothing else of ours."""
    place = tmp_path / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    (site,) = place.glob("lib/*/site-packages")
    (ours,) = Path(sys.executable).parents[1].glob("lib/*/site-packages")
    (site / "ours.pth").write_text(f"import site; site.addsitedir({str(ours)!r})\n")
    for name, module in (
        ("handrail", "handrail_bridge.cli.main"),
        ("pip", "pip"),
        ("pytest", "pytest"),
    ):
        script = place / "bin" / name
        script.write_text(f'#!/bin/sh\nexec "{place}/bin/python" -m {module} "$@"\n')
        script.chmod(0o755)
    path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache"), "COLUMNS": "200"}


def test_every_command_and_every_file(shell, tmp_path):
    folder = tmp_path
    commands = 0
    for file, language, text in steps():
        if language == "console":
            for command, wanted in _commands(text):
                commands += 1
                if command.startswith("cd "):
                    folder = folder / command[3:]
                    continue
                done = subprocess.run(
                    command, shell=True, cwd=folder, env=shell, capture_output=True, text=True
                )
                said = done.stdout + done.stderr
                for line in wanted:
                    assert line in said, (command, said)
        elif CHANGE in text:
            before, after = text.split(CHANGE)
            held = (folder / file).read_text(encoding="utf-8")
            assert before in held
            (folder / file).write_text(held.replace(before, after.rstrip()), encoding="utf-8")
        elif file:
            (folder / file).write_text(text, encoding="utf-8")
    assert commands == 11


def _commands(text: str) -> Iterator[tuple[str, list[str]]]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *wanted = part.splitlines()
        yield command, wanted
