"""What is there to be spoken to: ports, devices on them, cameras, services on the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that is there.

    ``driver`` and ``settings`` are a proposal for a cell; without a driver there is none.
    """

    kind: str  # serial port, device, camera, service, modbus unit
    where: str
    what: str
    driver: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
