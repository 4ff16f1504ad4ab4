"""Finds drivers through the entry point group ``handrail.drivers``, ours like everybody's."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from pydantic import BaseModel

from handrail_drivers.errors import DeviceFault, UnknownName

GROUP = "handrail.drivers"
TRANSPORTS = ("serial", "none")


def drivers() -> dict[str, type]:
    """Return every driver class that can be used, by entry point name."""
    return _load()[0]


def driver(name: str) -> type:
    """Return one driver class; imports no other.

    Raises:
        UnknownName: no such driver is installed.
        DeviceFault: it is installed and cannot be used.
    """
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        raise UnknownName("driver", name, found, field="driver")
    try:
        return _load_one(found[name])
    except Exception as error:
        raise DeviceFault(f"The driver {name} cannot be used: {error}.", subject=name) from error


def broken() -> dict[str, str]:
    """Return what is wrong with every plugin that cannot be used, by entry point name."""
    return _load()[1]


def _load() -> tuple[dict[str, type], dict[str, str]]:
    found: dict[str, type] = {}
    faults: dict[str, str] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            found[entry.name] = _load_one(entry)
        except Exception as error:  # noqa: BLE001  a foreign module may raise anything at import
            faults[entry.name] = f"{entry.value}: {type(error).__name__}: {error}"
    return found, faults


def _load_one(entry: EntryPoint) -> type:
    driver = entry.load()
    if not isinstance(driver, type):
        raise TypeError("is no class")
    settings = getattr(driver, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, BaseModel)):
        raise TypeError("has no pydantic model named Settings")
    if getattr(driver, "transport", None) not in TRANSPORTS:
        raise TypeError(f"its transport is not one of {', '.join(TRANSPORTS)}")
    if not isinstance(getattr(driver, "verified_on_hardware", None), bool):
        raise TypeError("does not say whether it is verified_on_hardware")
    return driver
