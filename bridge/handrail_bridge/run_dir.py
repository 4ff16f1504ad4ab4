"""Where a running bridge is found, and where it keeps what outlives it.

The run directory (mode 0700) holds ``bridge.json`` and the operator's socket: it is
``$XDG_RUNTIME_DIR/handrail/<cell>``, or ``/tmp/handrail-<uid>/<cell>``. The state directory
holds the receipts: ``$XDG_STATE_HOME/handrail/<cell>``, or ``~/.local/state/handrail/<cell>``.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import stat
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from handrail_drivers.errors import ProcessLost, Refused

SOCKET = "operator.sock"
RECORD = "bridge.json"
LOCK = "lock"
LOOKS, LOOK = 10, 0.02  # and s between them, at a lock that somebody may only have looked at
LOOP = b"handrail_bridge.loop.process"


@dataclass(frozen=True, slots=True)
class Bridge:
    """A running bridge: the agent's address, the operator's socket, its process and its loops."""

    cell: str
    address: str
    operator_socket: str
    pid: int
    loops: tuple[int, ...]

    def signal_stop(self) -> int:
        """Stop the motion past the bridge, which may hang; return how many loops were signalled."""
        signalled = 0
        for pid in self.loops:
            with contextlib.suppress(OSError):  # it has ended, and its motion with it
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                if LOOP in command:  # no other process that has the number by now
                    os.kill(pid, signal.SIGUSR1)
                    signalled += 1
        return signalled


def root() -> Path:
    """Return the folder of all run directories of this user."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "handrail" if runtime else Path(f"/tmp/handrail-{os.getuid()}")  # noqa: S108 # checked for its owner in private()


def state_dir(cell: str) -> Path:
    """Return (and make) the folder of what outlives the bridge of a cell."""
    return private(_state_root() / cell)


def kept(file: str) -> dict[str, Path]:
    """Return the files of a name that outlive bridges, by the folder that each is in."""
    return {path.parent.name: path for path in sorted(_state_root().glob(f"*/{file}"))}


def _state_root() -> Path:
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "handrail"


def private(folder: Path) -> Path:
    """Make a folder that only this user can enter, or refuse one that is not ours alone."""
    for part in (folder.parent, folder):
        _make(part)
        status = part.lstat()
        if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
            raise Refused(f"{part} belongs to somebody else.", hint="set XDG_RUNTIME_DIR")
        part.chmod(0o700)
    return folder


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(
            f"The folder {folder} cannot be made ({error.strerror}).",
            field=str(folder),
            hint="make room for it, or set XDG_RUNTIME_DIR and XDG_STATE_HOME",
        ) from error


class RunDir:
    """The run directory of one cell, held by one bridge at a time."""

    def __init__(self, cell: str) -> None:
        self.cell = cell
        self.folder = private(root() / cell)
        self._lock = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _locked(self._lock):
            os.close(self._lock)
            raise Refused(f"Another bridge runs the cell {cell!r}.", hint="stop that one first")
        self._clear()

    @property
    def operator_socket(self) -> Path:
        """Path of the operator's Unix socket."""
        return self.folder / SOCKET

    def publish(self, address: str, loops: tuple[int, ...]) -> None:
        """Write ``bridge.json``, whole or not at all."""
        record = Bridge(self.cell, address, str(self.operator_socket), os.getpid(), loops)
        fresh = self.folder / f"{RECORD}.new"
        fresh.write_text(json.dumps(asdict(record)))
        fresh.replace(self.folder / RECORD)

    def close(self) -> None:
        """Take the record away and let the next bridge in."""
        self._clear()
        os.close(self._lock)

    def _clear(self) -> None:
        for name in (RECORD, SOCKET):
            (self.folder / name).unlink(missing_ok=True)


def all_running() -> list[Bridge]:
    """Return the running bridges of this user."""
    return [bridge for path in root().glob(f"*/{RECORD}") if (bridge := _read(path))]


def running(cell: str | None = None) -> Bridge:
    """Return the running bridge of a cell, or the only one that runs.

    Raises:
        ProcessLost: none runs, or several do and none was named.
    """
    every = all_running()
    cells = sorted(bridge.cell for bridge in every)
    found = [bridge for bridge in every if cell in (None, bridge.cell)]
    if not every:
        raise ProcessLost("No bridge is running.", hint="start one: handrail up desk --sim")
    if not found:
        raise ProcessLost(f"No bridge of the cell {cell!r} is running.", choices=cells)
    if len(found) > 1:
        raise ProcessLost(
            "Several bridges are running.", choices=cells, hint="say which one: --cell NAME"
        )
    return found[0]


def at(address: str) -> Bridge | None:
    """Return this user's bridge that listens at an address, however that is spelt.

    None where no bridge does, or nobody can tell which. Looks names up, which may take a while.
    """
    wanted = _resolved(address)
    found = [bridge for bridge in all_running() if wanted & _resolved(bridge.address)]
    return found[0] if len(found) == 1 else None


def _resolved(address: str) -> set[tuple[str, int]]:
    host, _, port = address.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except (OSError, ValueError):  # a name that nobody knows, or no address at all
        return set()
    return {(str(peer[0]), int(port)) for *_, peer in found}


def is_succeeded(cell: str, pid: int) -> bool:
    """Tell whether another bridge of this cell than process ``pid`` runs, and has begun to serve.

    A process that dies holds its lock for a moment longer than its pipes.
    """
    found = _read(root() / cell / RECORD)
    return found is not None and found.pid != pid


def _read(path: Path) -> Bridge | None:
    """A record counts only while its writer holds the lock: a killed bridge leaves a stale one.

    Nor does one that somebody else may have put there.
    """
    if not all(map(_is_ours, (path.parent.parent, path.parent, path))):
        return None
    try:
        record = Bridge(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return record if _is_held(path.parent) else None


def _is_ours(path: Path) -> bool:
    """Tell whether it is this user's own, and no link to anything."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return status.st_uid == os.getuid() and not stat.S_ISLNK(status.st_mode)


def _locked(handle: int) -> bool:
    """Take the lock; who looks whether it is taken holds it for a moment, too."""
    for _ in range(LOOKS):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOOK)
        else:
            return True
    return False


def _is_held(folder: Path) -> bool:
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
