"""Serial ports by what their USB adapters say of themselves, and cameras of this machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from handrail_drivers.camera.video_nodes import VIDEO, video_nodes
from handrail_drivers.discovery import Found
from handrail_drivers.serial_port import Adapter


class Kind(NamedTuple):
    """What an adapter is, and the family of devices that is asked for behind it."""

    what: str
    family: str = ""
    resets: bool = False  # boards with it begin anew when their port is opened (DTR on reset)


# By USB vendor and product. Sources: the vendors' drivers and descriptors, as in Linux's usb.ids;
# the boards' circuit diagrams.
KNOWN: dict[tuple[int, int], Kind] = {
    (0x1A86, 0x55D3): Kind("CH343 adapter, as on bus servo boards", "feetech"),
    (0x1A86, 0x7523): Kind("CH340 adapter, as on many small boards", resets=True),
    (0x0403, 0x6001): Kind("FTDI FT232R adapter, as on some small boards", resets=True),
    (0x0403, 0x6014): Kind("FTDI FT232H adapter, as in a U2D2", "dynamixel"),
    (0x0403, 0x6015): Kind("FTDI FT-X adapter"),
    (0x10C4, 0xEA60): Kind("CP210x adapter, as on many small boards", resets=True),
    (0x067B, 0x2303): Kind("PL2303 adapter"),
    (0x2341, 0x0043): Kind("Arduino Uno", resets=True),
    (0x2341, 0x0010): Kind("Arduino Mega 2560", resets=True),
    (0x2341, 0x0042): Kind("Arduino Mega 2560", resets=True),
    (0x1D50, 0x6029): Kind("board with Marlin 2 on its own USB", "marlin"),
    (0x2E8A, 0x000A): Kind("Raspberry Pi Pico"),
}
NUMATO = 0x2A19  # vendor: all of its modules are spoken to alike


def serial_ports(adapters: Iterable[Adapter]) -> list[Found]:
    """Return what the serial ports are."""
    return [
        Found("serial port", one.path, _described(one), settings={"port": one.path})
        for one in adapters
    ]


def family(adapter: Adapter) -> str:
    """Return the driver whose devices are expected behind an adapter; empty where it may be any."""
    if adapter.vendor == NUMATO:
        return "numato_gpio"
    return KNOWN.get((adapter.vendor, adapter.product), Kind("")).family


def cameras(folder: Path = VIDEO) -> list[Found]:
    """Return the cameras that are plugged into this machine.

    Each is proposed by its name, which another port does not change; of one name by their paths.
    """
    nodes = video_nodes(folder)
    count = Counter(name for _, name in nodes)
    return [
        Found("camera", path, name, "usb_camera", {"device": name if count[name] == 1 else path})
        for path, name in nodes
    ]


def _described(one: Adapter) -> str:
    kind = KNOWN.get((one.vendor, one.product), Kind(""))
    known = "Numato module" if one.vendor == NUMATO else kind.what
    number = f", serial number {one.serial_number}" if one.serial_number else ""
    resets = "; opening it may reset a board: asked with --probe alone" if kind.resets else ""
    name = known or one.description or "unknown"
    return f"{name} ({one.vendor:04x}:{one.product:04x}){number}{resets}"
