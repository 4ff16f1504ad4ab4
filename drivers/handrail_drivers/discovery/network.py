"""Services on the network that say what they are (mDNS, DNS-SD: RFC 6762 and 6763).

The only module that imports zeroconf.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from zeroconf import ServiceBrowser, ServiceListener, Zeroconf

from handrail_drivers.discovery import Found

# DNS-SD type: what it is, and which driver speaks to it.
SERVICES: dict[str, tuple[str, str]] = {
    "_scpi-raw._tcp.local.": ("SCPI instrument", "scpi_supply_tcp"),
    "_lxi._tcp.local.": ("LXI instrument", ""),
    "_modbus._tcp.local.": ("Modbus TCP device", "modbus"),
    "_rtsp._tcp.local.": ("camera stream", "network_camera"),
    "_octoprint._tcp.local.": ("OctoPrint", ""),
    "_handrail._tcp.local.": ("Handrail bridge", ""),
}
RESOLVE = 1000  # ms, one service


def services(seconds: float, interfaces: Sequence[str] | None = None) -> list[Found]:
    """Return what announces itself within some seconds.

    Args:
        seconds: to listen for.
        interfaces: addresses of this machine to listen on; None: all.
    """
    zeroconf = Zeroconf(interfaces=list(interfaces)) if interfaces else Zeroconf()
    try:
        listener = _Listener()
        ServiceBrowser(zeroconf, list(SERVICES), listener)
        threading.Event().wait(seconds)
        return sorted(listener.found.values(), key=lambda one: (one.what, one.where))
    finally:
        zeroconf.close()


class _Listener(ServiceListener):
    """Remembers what is announced, by name."""

    def __init__(self) -> None:
        self.found: dict[str, Found] = {}

    def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Resolve what was announced, and remember it."""
        info = zc.get_service_info(type_, name, RESOLVE)
        addresses = info.parsed_addresses() if info is not None else []
        if info is None or not addresses or info.port is None:
            return
        what, driver = SERVICES[type_]
        title = name.removesuffix(f".{type_}")
        where = f"{addresses[0]}:{info.port}"
        self.found[name] = Found(
            "service", where, f"{what} {title!r}", driver, _address(driver, where)
        )

    def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Resolve it again."""
        self.add_service(zc, type_, name)

    def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:
        """Forget it."""
        del zc, type_
        self.found.pop(name, None)


def _address(driver: str, where: str) -> dict[str, str]:
    match driver:
        case "modbus":
            return {"tcp": where}
        case "network_camera":
            return {"url": f"rtsp://{where}/"}
        case "scpi_supply_tcp":
            return {"address": where}
    return {}
