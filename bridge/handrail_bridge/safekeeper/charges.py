"""What has to be brought to rest without the bridge, and how that is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from handrail_drivers import plugins
from handrail_drivers.modbus.device import ModbusSettings, safe_values
from handrail_drivers.modbus.lines import Lines
from handrail_drivers.modbus.map_file import load_map
from handrail_drivers.modbus.registers import Registers
from handrail_drivers.safe_values import SafeValues, stopping
from pydantic import BaseModel, ConfigDict


class Charge(BaseModel):
    """One device: its name in the cell, its driver's, and its settings, wire included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    driver: str
    settings: dict[str, Any]


class Ward(Protocol):
    """A charge that is ready to be brought to rest: nothing is looked for once it is needed."""

    def resting(self, lines: Lines) -> SafeValues:
        """Return what writes its safe values, on these lines."""


def ward(charge: Charge) -> Ward:
    """Load a charge's driver, and its register map where it has one.

    Raises:
        HandrailError: there is no such driver, or its map cannot be read.
    """
    driver = plugins.drivers.one(charge.driver)
    settings = driver.Settings.model_validate(charge.settings)
    if isinstance(settings, ModbusSettings):
        return _Mapped(charge.name, settings)
    return _Stopped(charge.name, driver, settings)


class _Mapped:
    """A device whose register map has safe values."""

    def __init__(self, name: str, settings: ModbusSettings) -> None:
        self._name, self._settings = name, settings
        self._map = load_map(settings.map)

    def resting(self, lines: Lines) -> SafeValues:
        line = lines.line(self._settings)
        return safe_values(Registers(self._name, self._map, self._settings.unit, line))


class _Stopped:
    """A device whose own driver stops it."""

    def __init__(self, name: str, driver: Callable[..., Any], settings: BaseModel) -> None:
        self._name, self._driver, self._settings = name, driver, settings

    def resting(self, lines: Lines) -> SafeValues:
        del lines  # it has one of its own
        return stopping(self._name, self._stop)

    def _stop(self) -> None:
        device = self._connected()
        try:
            device.stop()
        finally:
            device.close()

    def _connected(self) -> Any:
        driver: Any = self._driver
        kind = plugins.transports.one(driver.transport)
        stream = kind.over(lambda: kind.stream(self._settings), self._settings)
        device = driver(self._name, self._settings, stream)
        try:
            device.connect()
        except BaseException:
            device.close()
            raise
        return device
