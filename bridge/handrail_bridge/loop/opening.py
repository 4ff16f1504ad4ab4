"""How a process of ours opens its device: port, then driver; again after each loss."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from handrail_drivers import plugins
from handrail_drivers.errors import BusLost, DeviceFault

from handrail_bridge.loop.settings import InputConfig, LoopConfig

TRIES = 3
T = TypeVar("T")

log = logging.getLogger("handrail.opening")


def patiently(open_device: Callable[[], T]) -> T:
    """Open a device for the first time; it may miss a question then as it may later.

    Raises:
        HandrailError: the last try's. A port that is not there is not tried again.
    """
    for _ in range(TRIES - 1):
        try:
            return open_device()
        except BusLost:
            raise
        except DeviceFault as error:
            log.info("tried again: %s", error.message)
    return open_device()


def opener(config: LoopConfig | InputConfig) -> Callable[[], Any]:
    """Return what opens a device afresh: a MotionBus or an InputBus, not yet connected."""
    driver = plugins.drivers.one(config.driver)  # its shape is api.DriverClass
    kind = plugins.transports.one(driver.transport)
    settings = driver.Settings(**config.settings)

    def factory() -> Any:
        transport = kind.over(lambda: kind.stream(settings), settings)
        return driver(config.device, settings, transport)

    return factory
