"""Finds every fault of a cell's raw data: its own models first, then what must fit together."""

from __future__ import annotations

import difflib
import json
import math
import re
import types
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, Union, get_args, get_origin

from handrail_drivers import plugins
from pydantic import BaseModel, ValidationError

from handrail_sim.cell import Cell, WithoutPower, ZoneKind
from handrail_sim.toml_lines import KeyPath

Data = dict[str, Any]
FindFile = Callable[[str], Path]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: which key, what is wrong, what is allowed."""

    path: KeyPath
    text: str

    def sentence(self) -> str:
        """Return the dotted key and the text."""
        return f"{dotted(self.path)}: {self.text}"


def dotted(path: KeyPath) -> str:
    """Return a key as people write it: ``arm.joints[2]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.lstrip(".") or "(top level)"


def find_faults(data: Data, find_file: FindFile) -> list[Fault]:
    """Return every fault of a cell's raw data.

    Args:
        data: what the TOML file holds.
        find_file: where a file that the cell names is looked for.
    """
    faults = model_faults(Cell, {key: data[key] for key in data if key != "folder"})
    if "folder" in data:
        faults.append(Fault(("folder",), "there is no such key; the loader sets it."))
    for check in (_devices, _references, _zones, _joints, _ranges, _cameras):
        faults.extend(check(data, find_file))
    faults.extend(reflex_faults(data))
    return faults


def model_faults(model: type[BaseModel], data: Any, prefix: KeyPath = ()) -> list[Fault]:
    """Return what a pydantic model finds wrong with data, in the words of a cell's author."""
    try:
        model.model_validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        return [_from_pydantic(model, part, prefix) for part in error.errors(include_url=False)]
    return []


def _from_pydantic(model: type[BaseModel], error: Any, prefix: KeyPath) -> Fault:
    location: KeyPath = tuple(part for part in error["loc"] if part != "[key]")
    path = (*prefix, *location)
    if error["type"] == "missing":
        return Fault(path, f"is missing.{_description(model, location)}")
    if error["type"] == "extra_forbidden":
        names = _field_names(model, location[:-1])
        return Fault(path, f"there is no such key.{_nearest(str(location[-1]), names)}")
    given = "" if isinstance(error["input"], dict) else f", not {error['input']!r}"
    allowed = error["msg"].replace("Input should", "must").replace("String should", "must")
    names = re.findall(r"'([^']+)'", str(error.get("ctx", {}).get("expected", "")))
    near = _nearest(str(error["input"]), names) if names else _description(model, location)
    return Fault(path, f"{allowed}{given}.{near}")


def _nearest(name: str, names: Iterable[str]) -> str:
    valid = sorted(names)
    near = difflib.get_close_matches(name, valid, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f" Valid: {', '.join(valid) or 'none'}.{hint}"


def _model_at(model: type[BaseModel], location: KeyPath) -> type[BaseModel] | None:
    """Follow a location through fields, dicts and tuples to the model that stands there."""
    current: Any = model
    for part in location:
        if _is_model(current):
            field = current.model_fields.get(part)
            current = field.annotation if field else None
        elif get_origin(current) in (dict, tuple, list):
            current = get_args(current)[-1]
        if get_origin(current) in (Union, types.UnionType):
            current = next((part for part in get_args(current) if _is_model(part)), None)
    return current if _is_model(current) else None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _field_names(model: type[BaseModel], location: KeyPath) -> list[str]:
    owner = _model_at(model, location)
    return [name for name in owner.model_fields if name != "folder"] if owner else []


def _description(model: type[BaseModel], location: KeyPath) -> str:
    owner = _model_at(model, location[:-1])
    field = owner.model_fields.get(str(location[-1])) if owner and location else None
    return f" It is: {field.description}." if field and field.description else ""


def _table(data: Any, *path: str) -> Data:
    """Return the table at a path, or an empty one: its shape is judged by the models."""
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _tables(data: Data, *path: str) -> Iterator[tuple[str, Data]]:
    for name, part in _table(data, *path).items():
        if isinstance(part, dict):
            yield name, part


def _devices(data: Data, find_file: FindFile) -> Iterator[Fault]:
    """Every device's driver is installed and accepts its settings; files named there exist."""
    found = plugins.drivers.found()
    broken = plugins.drivers.broken()
    for name, device in _tables(data, "devices"):
        driver = device.get("driver")
        path = ("devices", name)
        if not isinstance(driver, str):
            continue
        if driver in broken:
            yield Fault((*path, "driver"), f"the driver is broken: {broken[driver]}")
        elif driver not in found:
            yield Fault((*path, "driver"), f"no driver {driver!r}.{_nearest(driver, found)}")
        else:
            yield from _settings(found[driver], device, path, find_file)


def _settings(driver: Any, device: Data, path: KeyPath, find_file: FindFile) -> Iterator[Fault]:
    given = device.get("settings", {})
    yield from model_faults(driver.Settings, given, (*path, "settings"))
    for key, field in driver.Settings.model_fields.items():
        part = given.get(key) if isinstance(given, dict) else None
        if field.annotation is Path and isinstance(part, str) and not find_file(part).is_file():
            yield Fault((*path, "settings", key), f"there is no file {find_file(part)}.")


def reflex_faults(data: Data) -> Iterator[Fault]:
    """Every reflex is of an installed kind that accepts it; no stop lets a falling arm fall."""
    found, broken = plugins.reflexes.found(), plugins.reflexes.broken()
    falls = [
        name
        for name, device in _tables(data, "devices")
        if device.get("without_power") == WithoutPower.FALLS
    ]
    of_loop = _table(data, "loop").get("stop_category")
    stops: dict[KeyPath, Any] = {("loop", "stop_category"): of_loop}
    for name, rule in _tables(data, "reflexes"):
        path: KeyPath = ("reflexes", name)
        kind = rule.get("kind")
        stops[(*path, "category")] = rule.get("category")
        if kind in broken:
            yield Fault((*path, "kind"), f"the reflex is broken: {broken[kind]}")
        elif kind in found:
            yield from model_faults(found[kind].Settings, rule, path)  # type: ignore[attr-defined]  # checked by plugins
        else:
            yield Fault((*path, "kind"), f"no kind {kind!r}.{_nearest(str(kind), found)}")
    for where, category in stops.items():
        if category in (0, 1) and falls:
            yield Fault(where, f"must be 2, since {falls[0]} falls without power, not {category}.")


def _zones(data: Data, _find_file: FindFile) -> Iterator[Fault]:
    """A zone has a name that no reflex has, and a speed where it is about speed."""
    for name, zone in _tables(data, "zones"):
        if name in _table(data, "reflexes"):
            yield Fault(("zones", name), "a reflex has that name already.")
        slow = zone.get("kind") == ZoneKind.SLOW
        if slow and "speed" not in zone:
            yield Fault(("zones", name, "speed"), "is missing: m/s that is allowed in it.")
        if not slow and "speed" in zone:
            yield Fault(("zones", name, "speed"), "is for zones of the kind 'slow' alone.")


def _references(data: Data, find_file: FindFile) -> Iterator[Fault]:
    """Names that refer to another part of the cell exist there."""
    devices, regions = _table(data, "devices"), _table(data, "regions")
    yield from _known(_table(data, "arm"), ("arm", "device"), devices)
    yield from _known(_table(data, "arm"), ("arm", "gripper_device"), devices)
    for name, camera in _tables(data, "cameras"):
        yield from _known(camera, ("cameras", name, "device"), devices)
    for name, thing in _tables(data, "objects"):
        yield from _known(thing, ("objects", name, "goes_to"), regions)
    model = _table(data, "world").get("model")
    if isinstance(model, str) and not find_file(model).is_file():
        yield Fault(("world", "model"), f"there is no file {find_file(model)}.")


def _known(table: Data, path: KeyPath, names: Iterable[str]) -> Iterator[Fault]:
    kind = "region" if path[-1] == "goes_to" else "device"
    name = table.get(str(path[-1]))
    if isinstance(name, str) and name not in names:
        yield Fault(path, f"there is no {kind} {name!r}.{_nearest(name, names)}")


def _all_joints(arm: Data) -> list[str]:
    joints = arm.get("joints")
    names = [*joints, arm.get("gripper")] if isinstance(joints, list) else []
    return [name for name in names if isinstance(name, str)]


def _joints(data: Data, _find_file: FindFile) -> Iterator[Fault]:
    """Joints are told once, and everything that is given by joint is given for all of them."""
    arm = _table(data, "arm")
    joints = _all_joints(arm)
    if arm.get("gripper") in joints[:-1]:
        yield Fault(("arm", "gripper"), f"{joints[-1]!r} is a joint of the arm already.")
    elif len(set(joints)) < len(joints):
        yield Fault(("arm", "joints"), "a joint is named twice.")
    for part in ("limits", "servo", "home", "rest"):
        if isinstance(arm.get(part), dict):
            yield from _by_joint(arm[part], ("arm", part), joints)
    for device, own in _wired(arm, joints):
        wired = _table(data, "devices", device, "settings", "joints")
        path = ("devices", device, "settings", "joints")
        if wired:
            yield from _by_joint(wired, path, own)
            if sorted(wired) == sorted(own) and list(wired) != own:
                yield Fault(path, f"must be in the order of the arm: {', '.join(own)}.")


def _wired(arm: Data, joints: list[str]) -> list[tuple[str, list[str]]]:
    """Return which joints each bus has."""
    device, jaw = str(arm.get("device")), arm.get("gripper_device")
    if jaw is None:
        return [(device, joints)]
    return [(device, joints[:-1]), (str(jaw), joints[-1:])]


def _by_joint(table: Data, path: KeyPath, joints: list[str]) -> Iterator[Fault]:
    for name in joints:
        if name not in table:
            yield Fault((*path, name), "is missing: every joint and the gripper needs one.")
    for name in table:
        if name not in joints:
            yield Fault((*path, name), f"there is no joint {name!r}.{_nearest(name, joints)}")


def _ranges(data: Data, _find_file: FindFile) -> Iterator[Fault]:
    """Limits are the right way round, and home and rest lie within them."""
    for name, limits in _tables(data, "arm", "limits"):
        low, high = limits.get("low"), limits.get("high")
        if not (_is_number(low) and _is_number(high)):
            continue
        if low >= high:
            yield Fault(("arm", "limits", name, "low"), f"must be below high = {high}, not {low}.")
            continue
        for pose in ("home", "rest"):
            value = _table(data, "arm", pose).get(name)
            if _is_number(value) and not low <= value <= high:
                yield Fault(("arm", pose, name), f"must be in {low} to {high} rad, not {value}.")


def _cameras(data: Data, _find_file: FindFile) -> Iterator[Fault]:
    """A camera's quaternion has length one, and its search area has an extent."""
    for name, camera in _tables(data, "cameras"):
        for key, judge, text in (
            ("quaternion", _is_unit, "must have length 1 (w x y z)"),
            ("search", _is_area, "must be x_min < x_max, y_min < y_max"),
        ):
            value = camera.get(key)
            if _is_four(value) and not judge(value):
                yield Fault(("cameras", name, key), f"{text}, not {value}.")


def _is_four(value: Any) -> TypeGuard[list[float]]:
    return isinstance(value, list) and len(value) == 4 and all(map(_is_number, value))


def _is_unit(quaternion: list[float]) -> bool:
    return abs(math.hypot(*quaternion) - 1) < 1e-3


def _is_area(search: list[float]) -> bool:
    return search[0] < search[1] and search[2] < search[3]


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
