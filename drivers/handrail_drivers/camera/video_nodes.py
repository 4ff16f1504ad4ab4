"""The cameras that are plugged into this machine, as Linux lists them."""

from __future__ import annotations

from pathlib import Path

VIDEO = Path("/sys/class/video4linux")


def video_nodes(folder: Path = VIDEO) -> list[tuple[str, str]]:
    """Return path and name of each camera."""
    found = []
    for entry in sorted(folder.glob("video*")):
        try:
            name = (entry / "name").read_text(encoding="utf-8").strip()
            first = (entry / "index").read_text(encoding="utf-8").strip() == "0"
        except OSError:
            continue
        if first:  # a camera has a node for its pictures, and others for what is about them
            found.append((f"/dev/{entry.name}", name))
    return found
