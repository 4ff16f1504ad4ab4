"""The documentation is built with its reference, and no link in it is broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from handrail_drivers import errors, plugins

ROOT = Path(__file__).parents[1]
MKDOCS = Path(sys.executable).with_name("mkdocs")


def build(target: Path, *options: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [MKDOCS, "build", "--strict", "--site-dir", str(target), *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


def test_it_is_built_whole(tmp_path):
    done = build(tmp_path / "site")
    assert done.returncode == 0, done.stderr
    pages = {page.stem: page.read_text() for page in (tmp_path / "site" / "reference").glob("*")}
    for name in plugins.drivers.names():
        assert f'id="{name}"' in pages["drivers"]
    for code in ("bus_lost", "device_silent", "invalid_value", "lease_refused"):
        assert code in pages["errors"]
        assert errors.error_class(code).status in pages["errors"]
    for part in ("Loop", "Arm", "JointLimits", "Zone"):
        assert f'id="{part.lower()}"' in pages["cell"]
    assert "move_by" not in pages["api"]
    assert 'id="standin"' in pages["api"]


def test_a_broken_link_breaks_it(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("[there](nowhere.md)\n")
    (tmp_path / "mkdocs.yml").write_text("site_name: x\n")
    assert build(tmp_path / "site", folder=tmp_path).returncode != 0
