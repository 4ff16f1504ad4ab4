"""All wires of a twin: an emulator for every device that has one, on the line that it speaks on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handrail_drivers.emulator import OwnLine, Place, Port, StandIn
from handrail_drivers.errors import InvalidCell, UnknownName
from handrail_drivers.loopback_port import StreamPort
from handrail_drivers.modbus.lines import LineSettings
from handrail_drivers.modbus.unit_line import ModbusLine
from handrail_drivers.pseudo_terminal import PseudoTerminal

from handrail_sim.cell import Cell
from handrail_sim.cell_file import device_settings, stand_in
from handrail_sim.twin.modbus_port import ModbusPort
from handrail_sim.twin.truth import Truth
from handrail_sim.twin.wire import Wire

LINE_FAULTS = ("silent", "speaking", "garble", "brownout")
FEEL_EVERY = 10  # steps, 50 Hz


class Wires:
    """The far ends of a cell's wires, moved by one truth.

    ``baud`` is the most that a serial wire carries [bit/s]; None lets bytes arrive at once.
    """

    def __init__(self, cell: Cell, truth: Truth, folder: Path, baud: int | None, seed: int) -> None:
        self.devices = _stand_ins(cell, truth, seed)
        self.lines: dict[str, ModbusLine | ModbusPort] = {}  # Modbus, by device
        self._truth = truth
        self._arm = cell.arm.device
        for device in self.devices.values():
            for body in device.bodies:
                truth.load(body)  # refuses now what the world lacks
            for site in device.sites:
                truth.distance(site)
            for lamp in device.lamps:
                truth.light(lamp, lit=False)
        self._axes = [
            ([truth.joints.index(joint) for joint in joints], self.devices[name])
            for name, joints in cell.arm.buses.items()
            if name in self.devices
        ]
        self._joints = {joint: name for name, own in cell.arm.buses.items() for joint in own}
        self._numbers: dict[str, int] = {}  # of Modbus units, by device
        self._serial: dict[str, Wire] = {}  # by device
        self._ports: dict[str, Port] = {}  # by device
        for name, device in self.devices.items():
            if device.line == "serial":
                rate = baud if device.paced else None
                self._serial[name] = Wire(device, PseudoTerminal(folder / name, rate))  # type: ignore[arg-type]  # judged as it was loaded
            elif device.line == "socket":
                self._ports[name] = StreamPort(device)  # type: ignore[arg-type]  # the same
            elif isinstance(device, OwnLine):
                device.begin(folder / name)
                self._ports[name] = device
        for shared in _shared_lines(cell, self.devices):
            self._lay(cell, shared, folder, baud)
        self._wires = tuple(dict.fromkeys(self._serial.values()))
        self._distinct_ports = tuple(dict.fromkeys(self._ports.values()))

    def _lay(self, cell: Cell, names: list[str], folder: Path, baud: int | None) -> None:
        """Open the one line that these Modbus devices share."""
        settings: dict[str, Any] = {name: _modbus(cell, name) for name in names}
        self._numbers.update({name: one.unit for name, one in settings.items()})
        units: dict[int, Any] = {one.unit: self.devices[name] for name, one in settings.items()}
        if settings[names[0]].tcp is not None:
            port = ModbusPort(units)
            self._ports.update(dict.fromkeys(names, port))
            self.lines.update(dict.fromkeys(names, port))
            return
        line = ModbusLine(units)
        self.lines.update(dict.fromkeys(names, line))
        if settings[names[0]].port is not None:
            wire = Wire(line, PseudoTerminal(folder / names[0], baud))
            self._serial.update(dict.fromkeys(names, wire))
        else:  # a gateway, which passes on to its line what it receives
            self._ports.update(dict.fromkeys(names, StreamPort(line)))

    def addresses(self) -> dict[str, str]:
        """Return where each device's wire ends now: a terminal, or host:port."""
        terminals = {name: wire.terminal.path for name, wire in self._serial.items()}
        return terminals | {name: port.address for name, port in self._ports.items()}

    def links(self) -> dict[str, str]:
        """Return the same by names that survive a re-plug."""
        links = {name: str(wire.terminal.link) for name, wire in self._serial.items()}
        return links | {name: port.address for name, port in self._ports.items()}

    def torques(
        self, position: Sequence[float], velocity: Sequence[float], duration: float
    ) -> list[float]:
        """Return what the motors do for the next so many seconds: N.m, of sliding axes N."""
        found = [0.0] * len(position)
        for joints, motor in self._axes:
            state = [position[n] for n in joints], [velocity[n] for n in joints]
            for joint, torque in zip(joints, motor.step(*state, duration), strict=True):
                found[joint] = torque
        return found

    def step(self, number: int, duration: float) -> None:
        """Let the devices feel the world after its step ``number``; each lasts so long [s]."""
        if number % FEEL_EVERY == 0:
            for device in self.devices.values():
                device.feel(self._truth, FEEL_EVERY * duration)

    # --- what arrives and what is due -----------------------------------------------------------

    def sources(self) -> list[int]:
        """Return the descriptors to wait for."""
        found = [wire.terminal.fileno for wire in self._wires if wire.terminal.fileno >= 0]
        for port in self._distinct_ports:
            found += port.descriptors()
        return found

    def due(self) -> float | None:
        """When [s] the next answer has to be written; None: none waits."""
        waiting = [wire.terminal.due for wire in self._wires]
        return min((at for at in waiting if at is not None), default=None)

    def flush(self, now: float) -> None:
        """Send the answers that are due."""
        for wire in self._wires:
            wire.flush(now)

    def serve(self, ready: set[int], now: float) -> None:
        """Take what arrived by now [s] on descriptors that are readable."""
        for wire in self._wires:
            if wire.terminal.fileno in ready:
                wire.receive(now)
        for port in self._distinct_ports:
            for descriptor in ready.intersection(port.descriptors()):
                port.serve(descriptor)

    # --- what tests and people do to them -------------------------------------------------------

    def wire(self, name: str) -> Wire:
        """Return a serial wire; its log is there."""
        if name not in self._serial:
            raise UnknownName("wire", name, self._serial)
        return self._serial[name]

    def pull(self, name: str) -> None:
        """Pull a cable; what shares it loses it too."""
        if name in self._ports:
            self._ports[name].pull()
        else:
            self.wire(name).terminal.pull()

    def plug(self, name: str) -> str:
        """Plug a cable in again; return where it ends now."""
        if name in self._ports:
            self._ports[name].plug()
        else:
            self.wire(name).terminal.plug()
        return self.addresses()[name]

    def device(self, name: str) -> StandIn:
        """Return what stands in for a device."""
        if name not in self.devices:
            raise UnknownName("device", name, self.devices)
        return self.devices[name]

    def button(self, device: str, name: str) -> StandIn:
        """Return the device that has an input to be pressed."""
        having = {one: found for one, found in self.devices.items() if found.inputs}
        if device not in having:
            raise UnknownName("device with buttons", device, having)
        if name not in having[device].inputs:
            raise UnknownName("input", name, having[device].inputs)
        return having[device]

    def disturb(self, fault: str, name: str, count: int) -> None:
        """Have a device, or what moves a joint, fail as a test says; no name: the arm's bus."""
        if name in self.lines:
            self._disturb_line(fault, name, count)
            return
        joint = "" if name in self.devices else name
        device = self._joints.get(name, name) or self._arm
        if device not in self.devices:
            raise UnknownName("joint", name, (*self._joints, *self.devices))
        self.devices[device].inject(fault, joint, count)

    def _disturb_line(self, fault: str, device: str, count: int) -> None:
        line, number = self.lines[device], self._numbers[device]
        match fault:
            case "silent":
                line.silent.add(number)
            case "speaking":
                line.silent.discard(number)
            case "garble":
                line.garble = count
            case "brownout":
                self.devices[device].power_cycle()
                if device in self._ports:
                    self.pull(device)
                    self.plug(device)
            case _:
                raise UnknownName("fault", fault, LINE_FAULTS)

    def close(self) -> None:
        """Pull all."""
        for wire in self._wires:
            wire.terminal.pull()
        for port in self._distinct_ports:
            port.pull()


def _stand_ins(cell: Cell, truth: Truth, seed: int) -> dict[str, StandIn]:
    """Return the emulator of every device that has one."""
    found: dict[str, StandIn] = {}
    for number, name in enumerate(cell.devices):
        kind, settings = stand_in(cell, name)
        if kind is None:
            continue
        joints = cell.arm.buses.get(name, ())
        draws = {joint: truth.servo_draws[joint] for joint in joints if joint in truth.servo_draws}
        place = Place(
            device=name,
            settings=device_settings(cell, name),
            twin=settings,
            joints=joints,
            draws=draws,
            seed=(seed, 3, number),
        )
        found[name] = kind.at(place)
    return found


def _modbus(cell: Cell, name: str) -> LineSettings:
    settings = device_settings(cell, name)
    if not isinstance(settings, LineSettings):
        raise InvalidCell(f"devices.{name}.twin: what stands in for it speaks Modbus.")
    return settings


def _shared_lines(cell: Cell, devices: dict[str, StandIn]) -> list[list[str]]:
    """Return the devices of each Modbus line."""
    lines: dict[tuple[str | None, ...], list[str]] = defaultdict(list)
    for name, device in devices.items():
        if device.line == "modbus":
            settings = _modbus(cell, name)
            lines[settings.tcp, settings.rtu_over_tcp, settings.port].append(name)
    return list(lines.values())
