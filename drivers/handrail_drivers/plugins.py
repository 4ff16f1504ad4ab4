"""Finds plugins through entry points, ours like everybody's.

A plugin that cannot be used (it does not import, hangs at that, lacks what its kind needs, or was
built for a newer API) is named with the reason, and the others go on. Nobody takes over a name:
what comes with Handrail keeps its own, and where two other packages have one, neither is used.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from handrail_drivers.api import API_VERSION
from handrail_drivers.decoder import DecoderSettings
from handrail_drivers.emulator import LINES, StandIn, StandInSettings
from handrail_drivers.errors import DeviceFault, UnknownName
from handrail_drivers.plugin_trial import try_import
from handrail_drivers.reflex import Rule
from handrail_drivers.schema import tool_schemas

T = TypeVar("T")


class Plugins(Generic[T]):
    """One kind of plugin.

    Args:
        kind: what one is called in sentences.
        group: of the entry points.
        judge: raises TypeError where what was loaded lacks something.
    """

    def __init__(self, kind: str, group: str, judge: Callable[[Any], None]) -> None:
        self.kind = kind
        self.group = group
        self._judge = judge
        self._good: dict[str, tuple[object, T]] = {}  # module and plugin, by entry point value

    def names(self) -> list[str]:
        """Return the name of every one that is installed; loads none."""
        return sorted(name for name, entry in self._by_name().items() if name == entry.name)

    def one(self, name: str) -> T:
        """Return one; imports no other.

        Raises:
            UnknownName: no such plugin is installed.
            DeviceFault: it is installed and cannot be used.
        """
        found = self._by_name()
        if name not in found:
            raise UnknownName(self.kind, name, found, field=self.kind)
        try:
            return self._load(name, found[name])
        except Exception as error:
            raise DeviceFault(
                f"The {self.kind} {name} cannot be used: {error}.",
                subject=name,
                hint="`handrail plugins` lists what is installed, and what is wrong with it",
            ) from error

    def found(self) -> dict[str, T]:
        """Return every one that can be used, by entry point name."""
        return self._sort()[0]

    def broken(self) -> dict[str, str]:
        """Return what is wrong with every plugin that cannot be used, by entry point name."""
        return self._sort()[1]

    def origins(self) -> dict[str, str]:
        """Return the package that each comes from, and its version; loads none."""
        return {name: _origin(entry) for name, entry in self._by_name().items()}

    def _sort(self) -> tuple[dict[str, T], dict[str, str]]:
        found: dict[str, T] = {}
        faults: dict[str, str] = {}
        for name, entry in sorted(self._by_name().items()):
            try:
                found[name] = self._load(name, entry)
            except Exception as error:  # noqa: BLE001  a foreign module may raise anything at import
                faults[name] = f"{entry.value}: {type(error).__name__}: {error}"
        return found, faults

    def _by_name(self) -> Mapping[str, EntryPoint]:
        return _installed_on(tuple(sys.path), self.group)

    def _load(self, name: str, entry: EntryPoint) -> T:
        if name != entry.name:
            raise TypeError(f"another package has a {self.kind} {entry.name}, too")
        module, known = self._good.get(entry.value, (None, None))
        if known is not None and module is sys.modules.get(entry.module):
            return known
        try_import(entry)
        try:
            plugin: T = entry.load()
        except SystemExit as error:
            raise ImportError(f"it ends the program at import ({error})") from error
        require_version(getattr(plugin, "handrail_api", "1.0"))
        self._judge(plugin)
        self._good[entry.value] = sys.modules[entry.module], plugin
        return plugin


@functools.cache  # it reads the metadata of every package: some 0.1 s
def _installed_on(_path: tuple[str, ...], group: str) -> Mapping[str, EntryPoint]:
    """Return what is installed by name; one whose name another has by its package, too."""
    named: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=group):
        named.setdefault(entry.name, []).append(entry)
    keepers = {name: _keeper(entries) for name, entries in named.items()}
    return {
        name if entry is keepers[name] else f"{name} of {_origin(entry)}": entry
        for name, entries in named.items()
        for entry in entries
    }


def require_version(built_for: object) -> None:
    """Refuse a plugin that was built for a version of the API that this one does not cover.

    Raises:
        TypeError: another major version, a newer minor one, or no version at all.
    """
    ours = ".".join(map(str, API_VERSION))
    parts = built_for.split(".") if isinstance(built_for, str) else []
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise TypeError(f"its handrail_api is {built_for!r}, not such as {ours!r}")
    major, minor = map(int, parts)
    if major != API_VERSION[0] or minor > API_VERSION[1]:
        newer = (major, minor) > API_VERSION
        what = "update Handrail" if newer else "it needs a newer release of its own"
        raise TypeError(f"it was built for the plugin API {built_for}, this is {ours}: {what}")


def _keeper(entries: list[EntryPoint]) -> EntryPoint | None:
    """Return which of several of one name has it; None: none of them."""
    ours = [entry for entry in entries if entry.dist and entry.dist.name == "handrail"]
    return next(iter(ours or entries)) if len(ours or entries) == 1 else None


def _origin(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value


def _require_class(plugin: object) -> None:
    if not isinstance(plugin, type):
        raise TypeError("is no class")


def _require_settings(plugin: type, base: type[BaseModel]) -> None:
    settings = getattr(plugin, "Settings", None)
    if not (isinstance(settings, type) and issubclass(settings, base)):
        raise TypeError(f"has no model named Settings made from {base.__module__}.{base.__name__}")
    settings.model_json_schema()  # raises where a field has no schema


def _require_methods(plugin: type, *names: str) -> None:
    for name in names:
        if not callable(getattr(plugin, name, None)):
            raise TypeError(f"has no method {name}")


def _judge_driver(driver: type) -> None:
    _require_class(driver)
    _require_settings(driver, BaseModel)
    kinds = transports.names()
    if getattr(driver, "transport", None) not in kinds:
        raise TypeError(f"its transport is not one of {', '.join(kinds)}")
    if not isinstance(getattr(driver, "verified_on_hardware", None), bool):
        raise TypeError("does not say whether it is verified_on_hardware")
    tool_schemas(driver)


def _judge_reflex(reflex: type) -> None:
    _require_class(reflex)
    _require_settings(reflex, Rule)
    _require_methods(reflex, "look")


def _judge_wire(wire: type) -> None:
    _require_class(wire)
    if not issubclass(wire, StandIn):
        raise TypeError("is not made from handrail_drivers.emulator.StandIn")
    _require_settings(wire, StandInSettings)
    if getattr(wire, "line", None) not in LINES:
        raise TypeError(f"its line is not one of {', '.join(LINES)}")
    needed = {"modbus": ("read", "write"), "own": ("begin", "serve", "plug", "pull")}
    _require_methods(wire, *needed.get(wire.line, ("exchanges", "forget_partial")))


def _judge_transport(transport: type) -> None:
    _require_class(transport)
    _require_methods(transport, "stream", "over", "at")


def _judge_decoder(decoder: type) -> None:
    _require_class(decoder)
    _require_settings(decoder, DecoderSettings)
    _require_methods(decoder, "decode")


def _judge_planner(planner: object) -> None:
    if not callable(planner):
        raise TypeError("is no function")


drivers: Plugins[Any] = Plugins("driver", "handrail.drivers", _judge_driver)
wires: Plugins[type[StandIn]] = Plugins("wire", "handrail.wires", _judge_wire)
reflexes: Plugins[Any] = Plugins("reflex", "handrail.reflexes", _judge_reflex)
transports: Plugins[Any] = Plugins("transport", "handrail.transports", _judge_transport)
decoders: Plugins[Any] = Plugins("decoder", "handrail.decoders", _judge_decoder)
planners: Plugins[Callable[..., Any]] = Plugins("planner", "handrail.planners", _judge_planner)
KINDS: tuple[Plugins[Any], ...] = (drivers, wires, reflexes, transports, decoders, planners)
