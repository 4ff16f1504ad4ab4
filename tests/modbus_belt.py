"""A device with a map of its own at the end of a TCP peer, for several tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from handrail_drivers.modbus.device import ModbusDevice, ModbusSettings
from handrail_drivers.modbus.lines import Lines

Make = Callable[..., ModbusDevice]

BELT = """
[registers.speed]
description = "Speed of the belt."
address = 0
type = "i16"
scale = 0.001
unit = "m/s"
low = -0.5
high = 0.5
effect = "configure"
safe = 0.0
read_back = true

[registers.mode]
description = "What it does."
address = 1
choices = { off = 0, run = 5 }
effect = "configure"
safe = "off"
"""
METER = (
    BELT
    + """
[registers.enabled]
description = "Whether it may."
address = 2
type = "bool"
bits = { low = 3 }
effect = "configure"

[registers.temperature]
description = "Of its motor."
address = 3
type = "f32"
unit = "Cel"
poll = 50

[registers.lamp]
description = "The lamp."
address = 0
table = "coil"
type = "bool"
effect = "configure"
read_back = true
"""
)


def belt(lines: Lines, peer: Any, folder: Path, text: str = BELT, **settings: Any) -> ModbusDevice:
    """Open it; nothing is asked yet."""
    path = folder / "map.toml"
    path.write_text(text)
    line = {} if "port" in settings else {"tcp": peer.address}
    given = {"map": path, "timeout": 0.1, "retries": 0, **line, **settings}
    model = ModbusSettings.model_validate(given)
    return ModbusDevice("belt", model, lines.line(model))
