"""What must fit together in the policies of a cell file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from handrail_sim.model_faults import Data, Fault, nearest, pinned_file, table, tables
from handrail_sim.policy.declared import PIXELS, PLANE, Source
from handrail_sim.toml_lines import KeyPath

RATE = 250  # Hz of a loop that names none
SOURCES = [str(one) for one in Source]


def policy_faults(data: Data, find_file: Callable[[str], Path]) -> Iterator[Fault]:
    """Every policy's file is the one that is pinned, and it is given what there is."""
    for name, policy in tables(data, "policies"):
        path = ("policies", name)
        yield from pinned_file(policy, path, find_file)
        yield from _inputs(policy, path, table(data, "arm").get("joints"))
        yield from _rate(policy, path, data)


def _inputs(policy: Data, path: KeyPath, joints: Any) -> Iterator[Fault]:
    for name, shape in table(policy, "inputs").items():
        where = (*path, "inputs", name)
        if not isinstance(shape, list):
            continue
        if len(shape) > PLANE:
            yield Fault(where, f"{PIXELS}.")
        elif name not in SOURCES:
            yield Fault(
                where,
                f"nobody gives a policy {name!r}.{nearest(name, SOURCES)}",
            )
        elif isinstance(joints, list):
            wanted = [1, Source(name).size(len(joints))]
            if shape != wanted:
                yield Fault(where, f"must be {wanted}, not {shape}.")


def _rate(policy: Data, path: KeyPath, data: Data) -> Iterator[Fault]:
    """The loop that asks it has the rate at which it is checked, a multiple of the policy's."""
    rate, loop = policy.get("rate"), table(data, "loop").get("rate", RATE)
    if isinstance(rate, int) and isinstance(loop, int) and (rate < 1 or loop % rate):
        yield Fault((*path, "rate"), f"must be {loop} Hz, the loop's, or a whole part, not {rate}.")
    device = table(data, "arm").get("device")
    own = table(data, "devices", str(device)).get("rate", loop)
    if own != loop:
        text = f"{device} has a rate of its own, {own} Hz: policies need the loop's, {loop} Hz."
        yield Fault(path, text)
