"""Writes a driver package to begin with: driver, emulator, conformance, tests."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator
from enum import StrEnum
from importlib.resources import files
from pathlib import Path

from handrail_drivers.api import API_VERSION
from handrail_drivers.errors import InvalidValue, Refused
from handrail_drivers.plugins import drivers

TEMPLATES = Path(str(files("handrail_drivers"))) / "scaffold" / "templates"
NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


class Kind(StrEnum):
    """What carries the device's bytes."""

    SERIAL = "serial"
    MODBUS = "modbus"
    SOCKET = "socket"


FIELDS = {
    Kind.SERIAL: """    port: str = Field(description="device file, such as /dev/ttyUSB0")
    baud: Annotated[int, Field(gt=0)] = Field(default=115_200, description="bit/s")""",
    Kind.SOCKET: """    address: Annotated[str, Field(pattern=r"^[^:\\s]+:\\d{1,5}$")] = Field(
        description="host:port"
    )""",
    Kind.MODBUS: "",
}
SETTINGS = {
    Kind.SERIAL: '{"port": "none", "timeout": 0.02}',
    Kind.SOCKET: '{"address": "none:1", "timeout": 0.02}',
    Kind.MODBUS: '{"port": "none", "timeout": 0.02}',
}
CELL = {
    Kind.SERIAL: 'port = "/dev/ttyUSB0"\nbaud = 115200',
    Kind.SOCKET: 'address = "192.168.1.30:5025"',
    Kind.MODBUS: 'tcp = "192.168.1.20:502"\nunit = 1',
}


def write_package(name: str, kind: Kind, folder: Path) -> list[Path]:
    """Write a package for a driver into a folder that is not there yet; return its files.

    Raises:
        InvalidValue: the name cannot be a driver's, or is another's.
        Refused: the folder is there.
    """
    if not NAME.fullmatch(name) or keyword.iskeyword(name) or name == "handrail":
        raise InvalidValue(
            f"A driver cannot be named {name!r}.",
            field="name",
            value=name,
            hint="use 2 to 40 small letters, digits and underscores, such as lab_pump",
        )
    package = drivers.origins().get(name, "")
    if package and not package.startswith(f"{_distribution(name)} "):
        raise InvalidValue(
            f"There is a driver {name!r} already, in {package}.",
            field="name",
            value=name,
            hint="choose another name: of two drivers of one name neither could be used",
        )
    if folder.exists():
        raise Refused(f"{folder} is there already.", field="out", hint="name another one by --out")
    written = []
    for template, target in _places(folder, f"handrail_{name}", kind):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_filled(template.read_text(encoding="utf-8"), name, kind), "utf-8")
        written.append(target)
    return written


def _places(folder: Path, package: str, kind: Kind) -> Iterator[tuple[Path, Path]]:
    """Yield each template and the file that is made of it."""
    sources = TEMPLATES / ("modbus" if kind is Kind.MODBUS else "stream")
    for template in sorted((*(TEMPLATES / "common").rglob("*.*"), *sources.glob("*.*"))):
        inside = template.relative_to(template.parents[0 if "tests" not in template.parts else 1])
        name = inside.with_name(inside.name.removesuffix(".in"))
        outside = name.suffix in (".toml", ".md") or "tests" in name.parts
        yield template, folder / name if outside else folder / package / name


def _distribution(name: str) -> str:
    """Return what the package is called where it is installed."""
    return f"handrail-{name.replace('_', '-')}"


def _filled(text: str, name: str, kind: Kind) -> str:
    title = name.replace("_", " ")
    parts = {
        "NAME": name,
        "PACKAGE": f"handrail_{name}",
        "DIST": _distribution(name),
        "CLASS": "".join(part.capitalize() for part in name.split("_")),
        "TITLE": f"the {title}",
        "IDENTITY": title.upper(),
        "TRANSPORT": kind,
        "API": ".".join(map(str, API_VERSION)),
        "SETTINGS_FIELDS": FIELDS[kind],
        "SETTINGS": SETTINGS[kind],
        "CELL": CELL[kind],
    }
    for key, part in parts.items():
        text = text.replace(f"@{key}@", part)
    return text
