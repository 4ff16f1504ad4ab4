"""Plugins and schemas: drivers found through entry points, tools described by their types."""

from __future__ import annotations

import sys
import types
from importlib.metadata import EntryPoint, PathDistribution
from typing import Annotated

import pytest
from handrail_drivers import plugins
from handrail_drivers.api import Effect, Unit, tool
from handrail_drivers.errors import DeviceFault, UnknownName
from handrail_drivers.feetech.driver import FeetechBus
from handrail_drivers.schema import arguments_model, tool_schemas
from pydantic import BaseModel, Field, ValidationError


def test_ours_are_found_like_everybodys():
    assert plugins.drivers.found()["feetech"] is FeetechBus
    assert set(plugins.drivers.found()) >= {"feetech", "network_camera"}
    assert plugins.drivers.one("feetech") is FeetechBus
    assert not any(driver.verified_on_hardware for driver in plugins.drivers.found().values())


def test_a_broken_plugin_is_named_and_takes_nothing_down(monkeypatch):
    module = types.ModuleType("foreign")
    module.NoSettings = type("NoSettings", (), {})
    module.function = lambda: None
    monkeypatch.setitem(sys.modules, "foreign", module)
    values = {
        "feetech": "handrail_drivers.feetech.driver:FeetechBus",
        "missing": "no_such_module:Driver",
        "bare": "foreign:NoSettings",
        "function": "foreign:function",
    }
    entries = {n: EntryPoint(n, value, plugins.drivers.group) for n, value in values.items()}
    installed = plugins._installed_on
    monkeypatch.setattr(
        plugins,
        "_installed_on",
        lambda path, group: entries if group == plugins.drivers.group else installed(path, group),
    )
    assert list(plugins.drivers.found()) == ["feetech"]
    broken = plugins.drivers.broken()
    assert "no_such_module" in broken["missing"]
    assert "Settings" in broken["bare"]
    assert "no class" in broken["function"]
    with pytest.raises(DeviceFault, match="no_such_module"):
        plugins.drivers.one("missing")
    with pytest.raises(UnknownName, match="feetech"):
        plugins.drivers.one("feetec")


def test_what_is_installed_is_read_once(monkeypatch):
    """A search through every package's metadata is too long for an event loop."""
    plugins._installed_on.cache_clear()
    assert plugins.drivers.one("feetech") is FeetechBus
    read = []
    monkeypatch.setattr(PathDistribution, "read_text", lambda _, name: read.append(name))
    assert plugins.drivers.one("feetech") is FeetechBus
    assert plugins.drivers.found()["feetech"] is FeetechBus
    assert read == []


class Reading(BaseModel):
    level: Annotated[float, Unit("Cel")]


class Thermostat:
    @tool(Effect.CONFIGURE)
    def set_level(
        self, level: Annotated[float, Unit("Cel"), Field(ge=5, le=30)], zone: str = "all"
    ) -> Reading:
        """Set the level to hold."""

    def not_a_tool(self) -> None:
        """Nothing that an agent sees."""


def test_a_schema_is_the_methods_signature():
    (schema,) = tool_schemas(Thermostat())
    assert (schema.name, schema.effect) == ("set_level", Effect.CONFIGURE)
    assert schema.description == "Set the level to hold."
    level = schema.input_schema["properties"]["level"]
    assert (level["unit"], level["minimum"], level["maximum"]) == ("Cel", 5, 30)
    assert schema.input_schema["required"] == ["level"]
    assert schema.input_schema["additionalProperties"] is False
    assert schema.output_schema["properties"]["level"]["unit"] == "Cel"


@pytest.mark.parametrize("arguments", [{"level": 31}, {"level": "nan"}, {"level": 9, "zoen": "a"}])
def test_arguments_are_validated_by_it(arguments):
    model = arguments_model(Thermostat.set_level)
    assert model(level=20).zone == "all"
    with pytest.raises(ValidationError):
        model(**arguments)


def test_the_bus_offers_its_health():
    (schema,) = tool_schemas(FeetechBus)
    assert (schema.name, schema.effect) == ("health", Effect.OBSERVE)
    units = {key: part.get("unit") for key, part in schema.output_schema["properties"].items()}
    assert (units["temperature"], units["voltage"], units["current"]) == ("Cel", "V", "A")


def test_a_tool_without_words_or_types_is_refused():
    class Silent:
        @tool(Effect.OBSERVE)
        def read(self) -> float: ...

    class Untyped:
        @tool(Effect.OBSERVE)
        def read(self, part) -> float:
            """Read."""

    for subject in (Silent, Untyped):
        with pytest.raises(TypeError):
            tool_schemas(subject)
