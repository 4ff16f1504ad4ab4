"""Builds images out of the checkout's ``firmware`` folder."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from handrail_drivers.errors import ProcessLost, Refused, UnknownName

from handrail_bridge.firmware.boards import BoardKind

FOLDER = Path(__file__).parents[3] / "firmware"
LONGEST = 300.0  # s


def applications() -> tuple[str, ...]:
    """Return the applications that can be built."""
    return tuple(sorted(path.stem for path in (FOLDER / "apps").glob("*.c")))


def build(kind: BoardKind, application: str, folder: Path | None = None) -> Path:
    """Build an application for a board; return its image.

    ``folder`` is where to, ``firmware/build`` by default.

    Raises:
        Refused: there is no source, or no compiler.
        UnknownName: there is no such application.
        ProcessLost: it does not compile.
    """
    if not FOLDER.is_dir():
        raise Refused("Firmware is built from a checkout of Handrail.", hint="clone it")
    if application not in applications():
        raise UnknownName("application", application, applications(), "application")
    if shutil.which(kind.compiler) is None:
        raise Refused(
            f"There is no {kind.compiler}.", field="board", hint="run `make setup` in the checkout"
        )
    out = folder or FOLDER / "build"
    image = out / f"{application}-{kind.image}"
    command = ["make", "-C", str(FOLDER), f"BUILD={out}", f"APP={application}", str(image)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    if done.returncode != 0:
        raise ProcessLost(f"{application} does not build:\n{done.stderr[-2000:]}")
    return image
