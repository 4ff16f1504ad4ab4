"""How a process of ours opens its device: port, then driver; again after each loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from handrail_drivers import plugins

from handrail_bridge.loop.settings import InputConfig, LoopConfig


def opener(config: LoopConfig | InputConfig) -> Callable[[], Any]:
    """Return what opens a device afresh: a MotionBus or an InputBus, not yet connected."""
    driver = plugins.drivers.one(config.driver)  # its shape is api.DriverClass
    kind = plugins.transports.one(driver.transport)
    settings = driver.Settings(**config.settings)

    def factory() -> Any:
        transport = kind.over(lambda: kind.stream(settings), settings)
        return driver(config.device, settings, transport)

    return factory
