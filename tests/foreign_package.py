"""A package of somebody else's: a module and the metadata by which its plugins are found."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

GOOD = """
    from typing import ClassVar
    from pydantic import BaseModel
    from handrail_drivers.api import Effect, tool

    class Lamp:
        transport: ClassVar[str] = "serial"
        verified_on_hardware: ClassVar[bool] = False

        class Settings(BaseModel):
            port: str
            baud: int = 9600

        def __init__(self, name, settings, transport):
            pass

        @tool(Effect.OBSERVE)
        def brightness(self) -> float:
            "How bright it is."
            return 1.0
"""


def install(
    folder: Path,
    name: str,
    source: str,
    attribute: str = "Lamp",
    group: str = "handrail.drivers",
    plugin: str = "",
) -> None:
    """Write a module with one plugin, by its name or another, into a folder of the path."""
    (folder / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    metadata(folder, name, {group: {plugin or name: f"{name}:{attribute}"}})


def metadata(folder: Path, name: str, groups: Mapping[str, Mapping[str, str]]) -> None:
    """Write the metadata of a package with these entry points."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [
        line
        for group, entries in groups.items()
        for line in (f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()))
    ]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
