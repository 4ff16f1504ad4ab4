"""The desk with what its tests want besides: a part's sensor, a safe tare, a Modbus scale."""

from __future__ import annotations

from pathlib import Path

from handrail_sim.cell_file import SHIPPED

ONE_INPUT = "inputs = { emergency_stop = 0 }"
TWO_INPUTS = "inputs = { emergency_stop = 0, part = 1 }"
BLUE_MAP = 'map = "maps/bin_scale.toml"\ntcp = "127.0.0.1:5022"'
SCALE_MAP = """
[registers.weight]
description = "What lies on the scale."
address = 0
type = "i32"
scale = 0.001
unit = "kg"
poll = 20

[registers.zero]
description = "Weight that counts as nothing."
address = 2
type = "i16"
scale = 0.001
unit = "kg"
low = -1.0
high = 1.0
effect = "configure"
safe = 0.0
read_back = true
"""
ARM = '[arm]\ndevice = "arm_bus"\n'
SCALE = """[devices.scale]
driver = "modbus"
without_power = "holds"
[devices.scale.settings]
map = "{map}"
tcp = "{address}"

"""


def changes(folder: Path, scale: str) -> tuple[tuple[str, str], ...]:
    """What to replace in the desk's file; maps are written into a folder.

    ``scale``: the address of the Modbus scale.
    """
    mine, blue = folder / "scale.toml", folder / "blue_scale.toml"
    mine.write_text(SCALE_MAP)
    # The map's last register is the tare.
    blue.write_text((SHIPPED / "cells/maps/bin_scale.toml").read_text() + "safe = false\n")
    return (
        (ONE_INPUT, TWO_INPUTS),
        (BLUE_MAP, BLUE_MAP.replace("maps/bin_scale.toml", str(blue))),
        (ARM, SCALE.format(map=mine, address=scale) + ARM),
    )
