"""Finds faults of a cell's arm: its joints, what is told of each, its gripper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from handrail_sim.model_faults import Data, Fault, is_number, nearest, table, tables
from handrail_sim.toml_lines import KeyPath


def arm_faults(data: Data, _find_file: Callable[[str], Path]) -> Iterator[Fault]:
    """Yield every fault of it."""
    yield from _joints(data)
    yield from _called(data)
    yield from _gripper(data)
    yield from _ranges(data)


def _all_joints(arm: Data) -> list[str]:
    joints = arm.get("joints")
    names = [*joints, *_jaw(arm), *table(arm, "external")] if isinstance(joints, list) else []
    return [name for name in names if isinstance(name, str)]


def _jaw(arm: Data) -> list[str]:
    return [arm["gripper"]] if isinstance(arm.get("gripper"), str) else []


def _joints(data: Data) -> Iterator[Fault]:
    """Joints are told once, and everything that is given by joint is given for all of them."""
    arm = table(data, "arm")
    joints = _all_joints(arm)
    if _jaw(arm) and joints.count(arm["gripper"]) > 1:
        yield Fault(("arm", "gripper"), f"{arm['gripper']!r} is a joint of the arm already.")
    elif len(set(joints)) < len(joints):
        yield Fault(("arm", "joints"), "a joint is named twice.")
    for part in ("limits", "servo", "home", "rest"):
        if isinstance(arm.get(part), dict):
            yield from _by_joint(arm[part], ("arm", part), joints)
    for device, own in _wired(arm, joints):
        wired = table(data, "devices", device, "settings", "joints")
        path = ("devices", device, "settings", "joints")
        if wired:
            yield from _by_joint(wired, path, own)
            if sorted(wired) == sorted(own) and list(wired) != own:
                yield Fault(path, f"must be in the order of the arm: {', '.join(own)}.")


def _called(data: Data) -> Iterator[Fault]:
    """What the world's model calls otherwise is a joint of the cell, and only one."""
    joints = _all_joints(table(data, "arm"))
    taken: dict[str, str] = {}
    for name, model in table(data, "world", "joints").items():
        path: KeyPath = ("world", "joints", name)
        if name not in joints:
            yield Fault(path, f"there is no joint {name!r}.{nearest(name, joints)}")
        elif isinstance(model, str) and taken.setdefault(model, name) != name:
            yield Fault(path, f"{model!r} is {taken[model]} already.")


def _gripper(data: Data) -> Iterator[Fault]:
    """What a gripper needs is told; where poses are sought from, it is left out."""
    arm = table(data, "arm")
    for key in ("jaw_open", "jaw_empty", "hold_effort"):
        if "gripper" in arm and key not in arm:
            yield Fault(("arm", key), "is missing: a gripper needs it.")
    others = {*_jaw(arm), *table(arm, "external")}
    alone = [name for name in _all_joints(arm) if name not in others]
    for index, seed in enumerate(arm.get("seeds", ())):
        if isinstance(seed, dict):
            yield from _by_joint(seed, ("arm", "seeds", index), alone)


def _wired(arm: Data, joints: list[str]) -> list[tuple[str, list[str]]]:
    """Return which joints each bus has, but for external axes, which name their own."""
    device, jaw = str(arm.get("device")), _jaw(arm)
    own = [name for name in joints if name not in {*jaw, *table(arm, "external")}]
    if "gripper_device" not in arm:
        return [(device, [*own, *jaw])]
    return [(device, own), (str(arm["gripper_device"]), jaw)]


def _by_joint(table: Data, path: KeyPath, joints: list[str]) -> Iterator[Fault]:
    for name in joints:
        if name not in table:
            yield Fault((*path, name), "is missing: every joint and the gripper needs one.")
    for name in table:
        if name not in joints:
            yield Fault((*path, name), f"there is no joint {name!r}.{nearest(name, joints)}")


def _ranges(data: Data) -> Iterator[Fault]:
    """Limits are the right way round, and home and rest lie within them."""
    for name, limits in tables(data, "arm", "limits"):
        low, high = limits.get("low"), limits.get("high")
        if not (is_number(low) and is_number(high)):
            continue
        if low >= high:
            yield Fault(("arm", "limits", name, "low"), f"must be below high = {high}, not {low}.")
            continue
        for pose in ("home", "rest"):
            value = table(data, "arm", pose).get(name)
            if is_number(value) and not low <= value <= high:
                yield Fault(
                    ("arm", pose, name),
                    f"must be in {low} to {high} {limits.get('unit', 'rad')}, not {value}.",
                )
