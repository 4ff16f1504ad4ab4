"""What is there to be spoken to: all roads by which hardware is looked for, one after another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from handrail_drivers.discovery import Found
from handrail_drivers.discovery.network import services
from handrail_drivers.discovery.ports import cameras, family, serial_ports
from handrail_drivers.discovery.probing import probe
from handrail_drivers.errors import BusLost
from handrail_drivers.modbus.lines import LineSettings, line_settings
from handrail_drivers.modbus.scan import Found as Unit
from handrail_drivers.modbus.scan import Scan, candidates, scan
from handrail_drivers.serial_port import KeptPort, adapters

SERIAL_UNITS = range(
    1, 17
)  # at each of the likeliest speeds: a silent one costs a fifth of a second


def everything(
    listen: float, probed: Iterable[str] = (), modbus: Iterable[str] = ()
) -> list[Found]:
    """Return ports, the devices on them, cameras, services on the network, Modbus units.

    Nothing that is asked moves anything. A port is asked for what its USB adapter lets expect; for
    everything only where it is named, since a device may take bytes for what they are not, and a
    board may begin anew when its port is opened.

    Args:
        listen: s to listen for services; 0: not at all.
        probed: ports that are asked for every family.
        modbus: HOST:PORT, or a serial port, whose units are looked for: on that the first few.
    """
    ports = adapters()
    asked: dict[str, tuple[str, ...]] = {one.path: (family(one),) for one in ports if family(one)}
    asked |= dict.fromkeys(probed, ())
    found = [*serial_ports(ports), *cameras()]
    found += [one for path, drivers in asked.items() if (one := _probed(path, drivers))]
    found += services(listen) if listen else []
    found += [one for address in modbus for one in _units(address)]
    return found


def _probed(path: str, drivers: tuple[str, ...]) -> Found | None:
    try:
        with KeptPort(path) as port:
            return probe(path, port.at, drivers)
    except BusLost as error:
        return Found("serial port", path, f"cannot be asked: {error.message}")


def _units(address: str) -> list[Found]:
    try:
        return [_unit(one) for one in _scanned(address).found]
    except BusLost as error:
        return [Found("modbus line", address, f"cannot be asked: {error.message}")]


def _scanned(address: str) -> Scan:
    if address.startswith("/"):
        return scan(candidates(port=address), SERIAL_UNITS)
    return scan([line_settings(tcp=address, timeout=1.0)])


def _unit(one: Unit) -> Found:
    line = one.line
    where = line.tcp or line.port or ""
    how = {"tcp": line.tcp} if line.tcp else {"port": line.port, **_speed(line)}
    settings = {**how, "unit": one.unit}
    return Found("modbus unit", f"{where} unit {one.unit}", _identity(one), "modbus", settings)


def _speed(line: LineSettings) -> dict[str, Any]:
    return {"baud": line.baud, "parity": line.parity}


def _identity(unit: Unit) -> str:
    said = unit.identity
    parts = () if said is None else (said.vendor, said.product, said.revision)
    return " ".join(filter(None, parts)) or unit.answer
