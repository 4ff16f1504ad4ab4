"""All wires of a twin: the servos' bus, buttons, Modbus lines and ports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from handrail_drivers.errors import InvalidCell, UnknownName
from handrail_drivers.modbus.device import ModbusSettings
from handrail_drivers.robotiq.driver import RobotiqSettings

from handrail_sim.cell import Cell
from handrail_sim.cell_file import device_settings
from handrail_sim.stand_ins import InverterStandIn, ScaleStandIn
from handrail_sim.twin.feetech_wire import FeetechBank, ServoSpec
from handrail_sim.twin.inverter import Inverter
from handrail_sim.twin.modbus_line import ModbusLine
from handrail_sim.twin.modbus_port import ModbusPort
from handrail_sim.twin.modbus_unit import Unit
from handrail_sim.twin.numato_wire import NumatoModule
from handrail_sim.twin.pseudo_terminal import PseudoTerminal
from handrail_sim.twin.robotiq import Gripper
from handrail_sim.twin.scale import Scale
from handrail_sim.twin.truth import Truth
from handrail_sim.twin.wire import Wire

LINE_FAULTS = ("silent", "speaking", "garble", "brownout")
WEIGH_EVERY = 10  # steps, 50 Hz
Motor = Inverter | Gripper


class Wires:
    """The far ends of a cell's wires, moved by one truth.

    ``baud`` is the most that a serial wire carries [bit/s]; None lets bytes arrive at once.
    """

    def __init__(self, cell: Cell, truth: Truth, folder: Path, baud: int | None, seed: int) -> None:
        self.bank = FeetechBank(_specs(cell, truth))
        self.buttons = _buttons(cell)
        self.scales = _scales(cell, seed)
        self.motors = _motors(cell)
        self._standing: dict[str, Scale | Motor] = {**self.scales, **self.motors}
        self.lines: dict[str, ModbusLine | ModbusPort] = {}  # by device
        self._truth = truth
        self._bodies = _bodies(cell)
        for body in self._bodies.values():
            truth.load(body)  # refuses now what the world lacks
        self._axes = [
            (truth.joints.index(joint), motor)
            for device, motor in self.motors.items()
            for joint in cell.arm.buses[device]
        ]
        self._numbers = {name: _modbus(cell, name).unit for name in self._standing}
        bus = cell.arm.device
        self._serial = {bus: Wire(self.bank, PseudoTerminal(folder / bus, baud))}  # by device
        for name, module in self.buttons.items():
            self._serial[name] = Wire(module, PseudoTerminal(folder / name, None))
        self._ports: dict[str, ModbusPort] = {}  # by device
        for shared in _shared_lines(cell, list(self._standing)):
            self._lay(cell, shared, folder, baud)
        self._wires = tuple(dict.fromkeys(self._serial.values()))
        self._distinct_ports = tuple(dict.fromkeys(self._ports.values()))

    def _lay(self, cell: Cell, names: list[str], folder: Path, baud: int | None) -> None:
        """Open the one line that these Modbus devices share."""
        units: dict[int, Unit] = {self._numbers[name]: self._standing[name] for name in names}
        if _modbus(cell, names[0]).port is None:
            self._ports.update(dict.fromkeys(names, ModbusPort(units)))
            self.lines.update(self._ports)
            return
        line = ModbusLine(units)
        wire = Wire(line, PseudoTerminal(folder / names[0], baud))
        self.lines.update(dict.fromkeys(names, line))
        self._serial.update(dict.fromkeys(names, wire))

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
        own = len(self.bank.servos)
        found = [*self.bank.step(position[:own], velocity[:own], duration)]
        found += [0.0] * (len(position) - own)
        for joint, motor in self._axes:
            found[joint] = motor.step(position[joint], velocity[joint], duration)
        return found

    def step(self, number: int, duration: float) -> None:
        """Let the devices feel the world after its step ``number``; each lasts so long [s]."""
        if number % WEIGH_EVERY == 0:
            for name, scale in self.scales.items():
                scale.weigh(self._truth.load(self._bodies[name]), WEIGH_EVERY * duration)

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

    def disturb(self, fault: str, device: str, count: int) -> None:
        """Have a Modbus device fail as a test says: one of ``LINE_FAULTS``."""
        line, number = self.lines[device], self._numbers[device]
        match fault:
            case "silent":
                line.silent.add(number)
            case "speaking":
                line.silent.discard(number)
            case "garble":
                line.garble = count
            case "brownout":
                self._standing[device].power_cycle()
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


def _specs(cell: Cell, truth: Truth) -> list[ServoSpec]:
    joints = cell.devices[cell.arm.device].settings["joints"]
    own = cell.arm.buses[cell.arm.device]
    return [ServoSpec(joints[name]["id"], name, truth.servo_draws[name]) for name in own]


def _buttons(cell: Cell) -> dict[str, NumatoModule]:
    """Return the input modules of a cell, by device name."""
    devices = {
        name: device.settings
        for name, device in cell.devices.items()
        if device.driver == "numato_gpio"
    }
    return {name: NumatoModule(given["ports"], given["inputs"]) for name, given in devices.items()}


def _scales(cell: Cell, seed: int) -> dict[str, Scale]:
    return {
        name: Scale(np.random.default_rng((seed, 3, number)))
        for number, (name, device) in enumerate(cell.devices.items())
        if isinstance(device.twin, ScaleStandIn)
    }


def _motors(cell: Cell) -> dict[str, Motor]:
    """Return what drives a joint by Modbus, by device."""
    found: dict[str, Motor] = {}
    for name, device in cell.devices.items():
        if isinstance(device.twin, InverterStandIn):
            found[name] = Inverter()
        elif isinstance(settings := device_settings(cell, name), RobotiqSettings):
            found[name] = Gripper(settings.open_at)
    return found


def _bodies(cell: Cell) -> dict[str, str]:
    """Return what each scale stands under."""
    stand_ins = {name: device.twin for name, device in cell.devices.items()}
    return {name: one.body for name, one in stand_ins.items() if isinstance(one, ScaleStandIn)}


def _modbus(cell: Cell, name: str) -> ModbusSettings | RobotiqSettings:
    settings = device_settings(cell, name)
    if not isinstance(settings, ModbusSettings | RobotiqSettings):
        raise InvalidCell(f"devices.{name}.twin: what stands in for it speaks Modbus.")
    if settings.rtu_over_tcp is not None:
        raise InvalidCell(f"devices.{name}: the twin has Modbus TCP and serial lines alone.")
    return settings


def _shared_lines(cell: Cell, names: Sequence[str]) -> list[list[str]]:
    """Return the devices of each line."""
    lines: dict[tuple[str | None, ...], list[str]] = defaultdict(list)
    for name in names:
        settings = _modbus(cell, name)
        lines[settings.tcp, settings.port].append(name)
    return list(lines.values())
