"""Tries foreign plugins before they are imported: in a process of its own, with a time limit.

An import runs somebody's code, which may hang or end the process. What comes from another package
than Handrail is therefore imported in a child first, and only then here. The outcome is kept in the
user's cache, so that a start costs one look at file times; it holds until the plugin's
files, its environment's packages or its version change. A failure is tried again after a minute.

What this does not cover: an import that hangs only sometimes, and code that runs later.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

OURS = "handrail"
LIMIT = 10.0  # s that an import may take
FAILURE_HOLDS = 60.0  # s
TRIAL = """
import importlib, sys
module, _, attribute = sys.argv[1].partition(":")
part = importlib.import_module(module)
for name in filter(None, attribute.split(".")):
    part = getattr(part, name)
"""


class TrialFailed(ImportError):
    """A plugin did not survive its trial; the sentence says how."""


def try_import(entry: EntryPoint) -> None:
    """Try one plugin's import, unless it is ours, imported already, or known to be good.

    Raises:
        TrialFailed: it raised, ended its process, or took too long.
    """
    if _is_ours(entry) or entry.module in sys.modules:
        return
    note = _folder() / f"{_stamp(entry)}.json"
    outcome = _kept(note)
    if outcome is None:
        outcome = _tried(entry.value)
        _keep(note, outcome)
    if outcome:
        raise TrialFailed(outcome)


def _is_ours(entry: EntryPoint) -> bool:
    return entry.dist is not None and entry.dist.name == OURS


def _tried(value: str) -> str:
    """Import in a child; return what went wrong, or nothing."""
    command = [sys.executable, "-c", TRIAL, value]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        return f"its import has not ended within {LIMIT:g} s"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"its import ended the process with status {done.returncode}"


def _stamp(entry: EntryPoint) -> str:
    """Return what stands for a plugin as it is now: name, version, times of its files."""
    parts = [sys.executable, entry.value, entry.dist.version if entry.dist else ""]
    with contextlib.suppress(ImportError, ValueError, OSError):
        spec = find_spec(entry.module.partition(".")[0])  # a top-level name: imports nothing
        origin = Path(spec.origin) if spec and spec.origin else None
        if origin is not None:
            files = origin.parent.rglob("*.py") if origin.name == "__init__.py" else [origin]
            parts += sorted(f"{file} {file.stat().st_mtime_ns}" for file in files)
    for folder in sys.path:  # what it imports may have come or gone
        with contextlib.suppress(OSError):
            parts.append(f"{folder} {os.stat(folder).st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "handrail" / "plugins"


def _kept(note: Path) -> str | None:
    """Return the outcome of a trial that still holds, or None."""
    try:
        kept = json.loads(note.read_text(encoding="utf-8"))
        outcome, at = str(kept["outcome"]), float(kept["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return outcome if not outcome or 0 <= time.time() - at < FAILURE_HOLDS else None


def _keep(note: Path, outcome: str) -> None:
    with contextlib.suppress(OSError):  # a cache that cannot be written costs a trial a process
        note.parent.mkdir(parents=True, exist_ok=True)
        fresh = note.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({"outcome": outcome, "at": time.time()}), encoding="utf-8")
        fresh.replace(note)
