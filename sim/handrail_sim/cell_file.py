"""Loads a cell from its TOML file: every fault at once, each with key, line and what is allowed."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from handrail_drivers.emulator import StandIn, StandInSettings
from handrail_drivers.errors import InvalidCell, UnknownName
from handrail_drivers.plugins import Plugins, drivers, reflexes, wires
from handrail_drivers.reflex import Rule
from pydantic import BaseModel

from handrail_sim import cell_base
from handrail_sim.cell import Cell
from handrail_sim.cell_base import CellText
from handrail_sim.cell_faults import find_faults

SHIPPED = Path(str(files("handrail_sim")))


def shipped_cells() -> dict[str, Path]:
    """Return the cells that come with Handrail, by name."""
    return {path.stem: path for path in sorted((SHIPPED / "cells").glob("*.toml"))}


def load_cell(name_or_path: str | Path) -> Cell:
    """Load a cell by the name of a shipped one, such as ``desk``, or by its file's path.

    Raises:
        UnknownName: no shipped cell has this name.
        InvalidCell: the file cannot be read or has faults; all of them are listed.
    """
    path = _find(name_or_path)
    folder = path.parent.resolve()
    shipped = f"give a path, or a shipped name: {', '.join(shipped_cells())}"
    text = CellText.read(path, hint=shipped)
    data, texts = cell_base.on_its_base(text, lambda name: cell_path(folder, name))
    faults = find_faults(data, lambda name: cell_path(folder, name))
    if faults:
        raise cell_base.invalid(texts, faults)
    cell = Cell.model_validate_json(json.dumps(data), strict=True)
    return cell.model_copy(update={"folder": folder})


def require_movable(cell: Cell) -> None:
    """Refuse a cell that can only be checked.

    Raises:
        InvalidCell: no device moves its arm.
    """
    if not cell.arm.device:
        raise InvalidCell(
            f"No device moves the arm of {cell.name!r}: its plans can be checked, and not run.",
            field="arm.device",
            hint=f"`handrail cell check {cell.name} PLAN` checks one; a driver makes it move",
        )


def cell_path(folder: Path, name: Path | str) -> Path:
    """Return the file that a cell names: beside the cell file, else shipped with Handrail."""
    for place in (folder, SHIPPED / "cells", SHIPPED / "worlds", SHIPPED / "models"):
        if (place / name).is_file():
            return (place / name).resolve()
    return (folder / name).resolve()


def device_settings(cell: Cell, device: str) -> BaseModel:
    """Return a device's settings as its driver's model, with paths made absolute.

    Raises:
        UnknownName: the cell has no such device, or its driver is not installed.
    """
    if device not in cell.devices:
        raise UnknownName("device", device, cell.devices)
    model: type[BaseModel] = drivers.one(cell.devices[device].driver).Settings
    settings = model.model_validate_json(json.dumps(cell.devices[device].settings))
    paths = {key: cell_path(cell.folder, part) for key, part in settings if isinstance(part, Path)}
    return settings.model_copy(update=paths)


def stand_in(cell: Cell, device: str) -> tuple[type[StandIn] | None, StandInSettings | None]:
    """Return what the twin has in a device's place, and its settings; None: nothing, none."""
    given = cell.devices[device].twin
    if given is not None:
        kind = wires.one(given["kind"])
        return kind, kind.Settings.model_validate_json(json.dumps(given))
    driver = cell.devices[device].driver
    return (wires.one(driver) if driver in wires.names() else None), None


def reflex_rules(cell: Cell) -> dict[str, Rule]:
    """Return what the loop watches as its kinds' settings, by name."""
    return {
        name: reflexes.one(rule["kind"]).Settings.model_validate_json(json.dumps(rule))
        for name, rule in cell.rules.items()
    }


def cell_digest(cell: Cell) -> str:
    """Return the SHA-256 of all that a check depends on: the cell and the files that it names."""
    sha = hashlib.sha256(
        json.dumps(cell.model_dump(mode="json"), sort_keys=True, separators=(",", ":")).encode()
    )
    for path in _named_files(cell):
        sha.update(path.name.encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()


def cell_schema() -> dict[str, Any]:
    """Return the JSON Schema of cell files, the settings of every installed driver included."""
    schema = Cell.model_json_schema()
    del schema["properties"]["folder"]  # set by the loader, never written in a file
    schema["properties"][cell_base.BASE] = cell_base.SCHEMA
    schema["anyOf"] = [{"required": [cell_base.BASE]}, {"required": schema.pop("required")}]
    definitions, device = schema["$defs"], schema["$defs"]["Device"]
    device["allOf"] = [
        {
            "if": {"properties": {"driver": {"const": name}}},
            "then": {"properties": {"settings": _settings_schema(definitions, name, kind)}},
        }
        for name, kind in drivers.found().items()
    ]
    device["properties"]["driver"]["examples"] = sorted(drivers.found())
    twins = _kinds_schema(definitions, "wire", wires)
    device["properties"]["twin"]["anyOf"] = [twins, {"type": "null"}]
    kinds = _kinds_schema(definitions, "reflex", reflexes)
    schema["properties"]["reflexes"]["additionalProperties"] = kinds
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _kinds_schema(definitions: dict[str, Any], prefix: str, plugins: Plugins[Any]) -> Any:
    """Return the schema of a table whose ``kind`` names a plugin."""
    return {
        "required": ["kind"],
        "oneOf": [
            {
                "properties": {"kind": {"const": name}},
                **_settings_schema(definitions, f"{prefix}.{name}", kind),
            }
            for name, kind in plugins.found().items()
        ],
    }


def _settings_schema(definitions: dict[str, Any], name: str, plugin: Any) -> dict[str, Any]:
    """Add a plugin's settings to the definitions of a schema; return a reference to them."""
    settings = plugin.Settings.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    for part, definition in settings.pop("$defs", {}).items():
        definitions[f"{name}.{part}"] = definition
    definitions[f"{name}.Settings"] = settings
    return {"$ref": f"#/$defs/{name}.Settings"}


def _named_files(cell: Cell) -> list[Path]:
    from handrail_sim.world_file import shape_files  # MuJoCo, which only a digest needs here

    # A model may include its neighbours, so every MJCF file of its folder counts.
    world = cell_path(cell.folder, cell.world.model)
    worlds = sorted(world.parent.glob("*.xml")) + shape_files(world)
    settings = [device_settings(cell, name) for name in sorted(cell.devices)]
    return worlds + [part for model in settings for _, part in model if isinstance(part, Path)]


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if isinstance(name_or_path, Path) or path.suffix or len(path.parts) > 1:
        return path
    shipped = shipped_cells()
    if name_or_path not in shipped:
        raise UnknownName("cell", name_or_path, shipped)
    return shipped[name_or_path]
