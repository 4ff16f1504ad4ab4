"""Finds plugins through entry points, ours like everybody's: ``drivers`` and ``reflexes``."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from pydantic import BaseModel

from handrail_drivers.errors import DeviceFault, UnknownName
from handrail_drivers.reflex import Rule

TRANSPORTS = ("serial", "modbus", "none")


class Plugins:
    """One kind of plugin.

    Args:
        kind: what one is called in sentences.
        judge: raises TypeError where a loaded class lacks something.
    """

    def __init__(self, kind: str, group: str, judge: Callable[[type], None]) -> None:
        self._kind = kind
        self.group = group
        self._judge = judge

    def one(self, name: str) -> type:
        """Return one class; imports no other.

        Raises:
            UnknownName: no such plugin is installed.
            DeviceFault: it is installed and cannot be used.
        """
        found = {entry.name: entry for entry in entry_points(group=self.group)}
        if name not in found:
            raise UnknownName(self._kind, name, found, field=self._kind)
        try:
            return self._load(found[name])
        except Exception as error:
            raise DeviceFault(
                f"The {self._kind} {name} cannot be used: {error}.", subject=name
            ) from error

    def found(self) -> dict[str, type]:
        """Return every class that can be used, by entry point name."""
        return self._sort()[0]

    def broken(self) -> dict[str, str]:
        """Return what is wrong with every plugin that cannot be used, by entry point name."""
        return self._sort()[1]

    def _sort(self) -> tuple[dict[str, type], dict[str, str]]:
        found: dict[str, type] = {}
        faults: dict[str, str] = {}
        for entry in sorted(entry_points(group=self.group), key=lambda entry: entry.name):
            try:
                found[entry.name] = self._load(entry)
            except Exception as error:  # noqa: BLE001  a foreign module may raise anything at import
                faults[entry.name] = f"{entry.value}: {type(error).__name__}: {error}"
        return found, faults

    def _load(self, entry: EntryPoint) -> type:
        plugin = entry.load()
        if not isinstance(plugin, type):
            raise TypeError("is no class")
        self._judge(plugin)
        return plugin


def _judge_driver(driver: type) -> None:
    settings = getattr(driver, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, BaseModel)):
        raise TypeError("has no pydantic model named Settings")
    if getattr(driver, "transport", None) not in TRANSPORTS:
        raise TypeError(f"its transport is not one of {', '.join(TRANSPORTS)}")
    if not isinstance(getattr(driver, "verified_on_hardware", None), bool):
        raise TypeError("does not say whether it is verified_on_hardware")


def _judge_reflex(reflex: type) -> None:
    settings = getattr(reflex, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, Rule)):
        raise TypeError("has no Settings made from handrail_drivers.reflex.Rule")
    if not callable(getattr(reflex, "look", None)):
        raise TypeError("has no method look")


drivers = Plugins("driver", "handrail.drivers", _judge_driver)
reflexes = Plugins("reflex", "handrail.reflexes", _judge_reflex)
