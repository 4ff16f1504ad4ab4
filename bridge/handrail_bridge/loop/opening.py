"""How a process of ours opens its device: port, then driver; again after each loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handrail_drivers import plugins
from handrail_drivers.modbus.lines import own_line
from handrail_drivers.serial_port import SerialPort

from handrail_bridge.loop.settings import InputConfig, LoopConfig


def opener(config: LoopConfig | InputConfig) -> Callable[[], Any]:
    """Return what opens a device afresh: a MotionBus or an InputBus, not yet connected."""
    driver: Any = plugins.drivers.one(config.driver)  # its shape is api.DriverClass
    settings = driver.Settings(**config.settings)

    def factory() -> Any:
        return driver(config.device, settings, _transport(driver.transport, settings))

    return factory


def _transport(kind: str, settings: Any) -> Any:
    match kind:
        case "serial":
            return SerialPort(settings.port, settings.baud)
        case "modbus":
            return own_line(settings)
    return None
