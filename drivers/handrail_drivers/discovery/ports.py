"""Serial ports by what their USB adapters say of themselves, and cameras of this machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from handrail_drivers.camera.video_nodes import VIDEO, video_nodes
from handrail_drivers.discovery import Found
from handrail_drivers.serial_port import Adapter

# USB vendor and product: what it is, and the family of devices that is asked for behind it.
# Sources: the vendors' drivers and descriptors, as in Linux's usb.ids.
KNOWN: dict[tuple[int, int], tuple[str, str]] = {
    (0x1A86, 0x55D3): ("CH343 adapter, as on bus servo boards", "feetech"),
    (0x1A86, 0x7523): ("CH340 adapter", ""),
    (0x0403, 0x6001): ("FTDI FT232R adapter", ""),
    (0x0403, 0x6014): ("FTDI FT232H adapter, as in a U2D2", ""),
    (0x0403, 0x6015): ("FTDI FT-X adapter", ""),
    (0x10C4, 0xEA60): ("CP210x adapter", ""),
    (0x067B, 0x2303): ("PL2303 adapter", ""),
    (0x2341, 0x0043): ("Arduino Uno", ""),
    (0x2E8A, 0x000A): ("Raspberry Pi Pico", ""),
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
    return KNOWN.get((adapter.vendor, adapter.product), ("", ""))[1]


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
    known = KNOWN.get((one.vendor, one.product), ("", ""))[0]
    if one.vendor == NUMATO:
        known = "Numato module"
    number = f", serial number {one.serial_number}" if one.serial_number else ""
    return f"{known or one.description or 'unknown'} ({one.vendor:04x}:{one.product:04x}){number}"
