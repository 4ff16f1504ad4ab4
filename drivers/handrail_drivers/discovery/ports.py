"""Serial ports by what their USB adapters say of themselves, and cameras of this machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

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
    (0x2E8A, 0x000A): Kind("Raspberry Pi Pico"),
}
NUMATO = 0x2A19  # vendor: all of its modules are spoken to alike
VIDEO = Path("/sys/class/video4linux")


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
    """Return the cameras that are plugged into this machine."""
    found = []
    for entry in sorted(folder.glob("video*")):
        try:
            name = (entry / "name").read_text(encoding="utf-8").strip()
            first = (entry / "index").read_text(encoding="utf-8").strip() == "0"
        except OSError:
            continue
        if first:  # a camera has a node for its pictures, and others for what is about them
            found.append(Found("camera", f"/dev/{entry.name}", name))
    return found


def _described(one: Adapter) -> str:
    kind = KNOWN.get((one.vendor, one.product), Kind(""))
    known = "Numato module" if one.vendor == NUMATO else kind.what
    number = f", serial number {one.serial_number}" if one.serial_number else ""
    resets = "; opening it may reset a board: asked with --probe alone" if kind.resets else ""
    name = known or one.description or "unknown"
    return f"{name} ({one.vendor:04x}:{one.product:04x}){number}{resets}"
