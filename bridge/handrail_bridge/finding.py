"""What is there to be spoken to: all roads by which hardware is looked for, one after another."""

from __future__ import annotations

from collections.abc import Iterable

from handrail_drivers.discovery import Found
from handrail_drivers.discovery.network import services
from handrail_drivers.discovery.ports import cameras, family, serial_ports
from handrail_drivers.discovery.probing import probe
from handrail_drivers.errors import BusLost
from handrail_drivers.modbus.lines import line_settings
from handrail_drivers.modbus.scan import Found as Unit
from handrail_drivers.modbus.scan import scan
from handrail_drivers.serial_port import SerialPort, adapters


def everything(
    listen: float, probed: Iterable[str] = (), modbus: Iterable[str] = ()
) -> list[Found]:
    """Return ports, the devices on them, cameras, services on the network, Modbus units.

    Nothing that is asked moves anything. A port is asked for what its USB adapter lets expect; for
    everything only where it is named, since a device may take bytes for what they are not.

    Args:
        listen: s to listen for services; 0: not at all.
        probed: ports that are asked for every family.
        modbus: HOST:PORT whose units are looked for.
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
        return probe(path, lambda baud: SerialPort(path, baud), drivers)
    except BusLost as error:
        return Found("serial port", path, f"cannot be asked: {error.message}")


def _units(address: str) -> list[Found]:
    units = scan([line_settings(tcp=address, timeout=1.0)])
    return [
        Found(
            "modbus unit",
            f"{address} unit {one.unit}",
            _identity(one),
            "modbus",
            {"tcp": address, "unit": one.unit},
        )
        for one in units.found
    ]


def _identity(unit: Unit) -> str:
    said = unit.identity
    parts = () if said is None else (said.vendor, said.product, said.revision)
    return " ".join(filter(None, parts)) or unit.answer
