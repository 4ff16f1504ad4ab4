"""Finds every fault of a cell's raw data: its own models first, then what must fit together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeGuard

from handrail_drivers import plugins

from handrail_sim.arm_faults import arm_faults
from handrail_sim.cell import (
    FASTEST,
    RULES,
    WATCHED,
    Cell,
    Loop,
    WithoutPower,
    World,
    ZoneKind,
)
from handrail_sim.demand_faults import demand_faults
from handrail_sim.model_faults import (
    Data,
    Fault,
    is_number,
    model_faults,
    nearest,
    table,
    tables,
)
from handrail_sim.policy.faults import policy_faults
from handrail_sim.sight_faults import sight_faults
from handrail_sim.toml_lines import KeyPath

FindFile = Callable[[str], Path]


def find_faults(data: Data, find_file: FindFile) -> list[Fault]:
    """Return every fault of a cell's raw data.

    Args:
        data: what the TOML file holds.
        find_file: where a file that the cell names is looked for.
    """
    faults = model_faults(Cell, {key: data[key] for key in data if key != "folder"})
    if "folder" in data:
        faults.append(Fault(("folder",), "there is no such key; the loader sets it."))
    checks = (_devices, _twins, demand_faults, _references, _ticks, _cores, _rules, _zones)
    for check in (*checks, arm_faults, _cameras, sight_faults, policy_faults):
        faults.extend(check(data, find_file))
    faults.extend(reflex_faults(data))
    return faults


def _devices(data: Data, find_file: FindFile) -> Iterator[Fault]:
    """Every device's driver is installed and accepts its settings; files named there exist."""
    found = plugins.drivers.found()
    broken = plugins.drivers.broken()
    for name, device in tables(data, "devices"):
        driver = device.get("driver")
        path = ("devices", name)
        if not isinstance(driver, str):
            continue
        if driver in broken:
            yield Fault((*path, "driver"), f"the driver is broken: {broken[driver]}")
        elif driver not in found:
            yield Fault((*path, "driver"), f"no driver {driver!r}.{nearest(driver, found)}")
        else:
            yield from _settings(found[driver], device, path, find_file)


def _twins(data: Data, _find_file: FindFile) -> Iterator[Fault]:
    """What stands in for a device is of an installed kind that accepts its settings."""
    found, broken = plugins.wires.found(), plugins.wires.broken()
    for name, device in tables(data, "devices"):
        twin = device.get("twin")
        if not isinstance(twin, dict):
            continue
        path: KeyPath = ("devices", name, "twin")
        kind = twin.get("kind")
        if kind in broken:
            yield Fault((*path, "kind"), f"what stands in for it is broken: {broken[kind]}")
        elif kind in found:
            yield from model_faults(found[kind].Settings, twin, path)
        else:
            yield Fault((*path, "kind"), f"no kind {kind!r}.{nearest(str(kind), found)}")


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
        for name, device in tables(data, "devices")
        if device.get("without_power") == WithoutPower.FALLS
    ]
    of_loop = table(data, "loop").get("stop_category")
    stops: dict[KeyPath, Any] = {("loop", "stop_category"): of_loop}
    for name, rule in tables(data, "reflexes"):
        path: KeyPath = ("reflexes", name)
        kind = rule.get("kind")
        stops[(*path, "category")] = rule.get("category")
        if kind in broken:
            yield Fault((*path, "kind"), f"the reflex is broken: {broken[kind]}")
        elif kind in found:
            yield from model_faults(found[kind].Settings, rule, path)
        else:
            yield Fault((*path, "kind"), f"no kind {kind!r}.{nearest(str(kind), found)}")
    for where, category in stops.items():
        if category in (0, 1) and falls:
            yield Fault(where, f"must be 2, since {falls[0]} falls without power, not {category}.")


def _ticks(data: Data, _find_file: FindFile) -> Iterator[Fault]:
    """A tick of the loop is a whole number of the world's time steps, or time goes wrong there."""
    step = table(data, "world").get("timestep", World.model_fields["timestep"].default)
    rate = table(data, "loop").get("rate", Loop.model_fields["rate"].default)
    if not (is_number(step) and is_number(rate) and step > 0 and 0 < rate <= FASTEST):
        return  # has a fault of its own
    ticks = 1 / (step * rate)
    if round(ticks) < 1 or abs(ticks - round(ticks)) > 1e-6:
        at_most = 1 / (max(1, math.ceil(ticks - 1e-6)) * rate)
        text = f"must go into a tick of {1 / rate:g} s a whole number of times, not {ticks:.3g}"
        yield Fault(("world", "timestep"), f"{text}: {at_most:g} s does.")


def _cores(data: Data, _find_file: FindFile) -> Iterator[Fault]:
    """Each loop that runs on a core of its own has that core to itself."""
    arm = table(data, "arm")
    buses = [arm.get("device"), arm.get("gripper_device"), *table(arm, "external").values()]
    taken: dict[int, str] = {}
    for name in dict.fromkeys(bus for bus in buses if isinstance(bus, str)):
        cpu = table(data, "devices", name).get("cpu", table(data, "loop").get("cpu"))
        if isinstance(cpu, int) and taken.setdefault(cpu, name) != name:
            text = f"core {cpu} is that of {taken[cpu]!r} already; every loop needs its own."
            yield Fault(("devices", name, "cpu"), text)


def _rules(data: Data, _find_file: FindFile) -> Iterator[Fault]:
    """The loop watches so many rules and no more: it reports each as one bit."""
    watched = [("reflexes", name) for name in table(data, "reflexes")]
    watched += [
        ("zones", name) for name, zone in tables(data, "zones") if zone.get("kind") in WATCHED
    ]
    for path in watched[RULES:]:
        yield Fault(path, f"is one too many: the loop watches {RULES} reflexes and zones.")


def _zones(data: Data, _find_file: FindFile) -> Iterator[Fault]:
    """A zone has a name that no reflex has, and a speed where it is about speed."""
    for name, zone in tables(data, "zones"):
        if name in table(data, "reflexes"):
            yield Fault(("zones", name), "a reflex has that name already.")
        slow = zone.get("kind") == ZoneKind.SLOW
        if slow and "speed" not in zone:
            yield Fault(("zones", name, "speed"), "is missing: m/s that is allowed in it.")
        if not slow and "speed" in zone:
            yield Fault(("zones", name, "speed"), "is for zones of the kind 'slow' alone.")


def _references(data: Data, find_file: FindFile) -> Iterator[Fault]:
    """Names that refer to another part of the cell exist there."""
    devices, regions = table(data, "devices"), table(data, "regions")
    yield from _known(table(data, "arm"), ("arm", "device"), devices)
    yield from _known(table(data, "arm"), ("arm", "gripper_device"), devices)
    for joint in table(data, "arm", "external"):
        yield from _known(table(data, "arm", "external"), ("arm", "external", joint), devices)
    for name, camera in tables(data, "cameras"):
        yield from _known(camera, ("cameras", name, "device"), devices)
    for name, thing in tables(data, "objects"):
        yield from _known(thing, ("objects", name, "goes_to"), regions)
    for name, region in tables(data, "regions"):
        weight = region.get("weight")
        scale = weight.partition(".")[0] if isinstance(weight, str) else None
        if scale is not None and scale not in devices:
            yield Fault(("regions", name, "weight"), f"there is no device {scale!r}.")
    model = table(data, "world").get("model")
    if isinstance(model, str) and not find_file(model).is_file():
        yield Fault(("world", "model"), f"there is no file {find_file(model)}.")


def _known(table: Data, path: KeyPath, names: Iterable[str]) -> Iterator[Fault]:
    kind = "region" if path[-1] == "goes_to" else "device"
    name = table.get(str(path[-1]))
    if isinstance(name, str) and name not in names:
        yield Fault(path, f"there is no {kind} {name!r}.{nearest(name, names)}")


def _cameras(data: Data, _find_file: FindFile) -> Iterator[Fault]:
    """A camera's quaternion has length one, and its search area has an extent."""
    for name, camera in tables(data, "cameras"):
        for key, judge, text in (
            ("quaternion", _is_unit, "must have length 1 (w x y z)"),
            ("search", _is_area, "must be x_min < x_max, y_min < y_max"),
        ):
            value = camera.get(key)
            if _is_four(value) and not judge(value):
                yield Fault(("cameras", name, key), f"{text}, not {value}.")


def _is_four(value: Any) -> TypeGuard[list[float]]:
    return isinstance(value, list) and len(value) == 4 and all(map(is_number, value))


def _is_unit(quaternion: list[float]) -> bool:
    return abs(math.hypot(*quaternion) - 1) < 1e-3


def _is_area(search: list[float]) -> bool:
    return search[0] < search[1] and search[2] < search[3]
