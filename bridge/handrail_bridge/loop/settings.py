"""What a loop has to know, as one message from the bridge at its start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handrail_drivers import plugins
from handrail_drivers.errors import InvalidValue, UnknownName
from handrail_drivers.reflex import Category
from handrail_sim.cell import Cell
from handrail_sim.cell_file import device_settings, reflex_rules
from pydantic import BaseModel, ConfigDict

from handrail_bridge.devices.boards import streamed_names
from handrail_bridge.loop.control import SIGNALS

# Rules that no cell can leave out, the gravest first; their bits in LoopState.fired come first.
GUARDS = (
    *("late_reads", "tube", "effort", "servo_fault", "torque_gone", "loop_stall", "heartbeat"),
    "policy",  # no guard's: whoever asks it says so
    "refused_write",  # nor this: the driver itself says so
)
INPUT_RATE = 100  # Hz, where a device of inputs names none


class LoopConfig(BaseModel):
    """One bus and its loop. Tuples run in bus order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    number: int  # of the bus among the cell's
    buses: int  # that the cell has
    driver: str  # entry point name
    settings: dict[str, Any]  # the driver's, port and calibration path resolved
    joints: tuple[str, ...]
    units: tuple[str, ...]  # of their positions: rad, or m where one slides
    levers: tuple[float, ...]  # what a small turn [rad] is worth in them
    low: tuple[float, ...]  # rad
    high: tuple[float, ...]  # rad
    velocity: tuple[float, ...]  # rad/s
    grips: tuple[bool, ...]  # joints that press against things on purpose: no tube for them
    rate: int  # Hz
    trajectory_rate: int  # Hz, of the rows that are played
    slowest: int  # Hz, of the cell's loops: how far two of them may be apart
    cpu: int | None
    spin: float  # s
    tube: tuple[float, ...]  # rad, while no trajectory says better
    settling: float  # s: the slowest servo's time constant, its damping by its stiffness
    heartbeat: float  # s
    stop_time: float  # s
    stop_category: Category
    stiffness: tuple[float, ...]  # N.m/rad, of the servos
    measures_effort: bool
    told_any_time: bool  # a stop's first step may be written between two ticks
    late_reads: int
    silence: float  # s
    reflexes: tuple[str, ...]  # every rule's name, by its bit in LoopState.fired
    rules: dict[str, dict[str, Any]]  # those of the cell that this loop watches
    signals: tuple[str, ...]  # names by their number on the control page
    cell: dict[str, Any]  # for the geometry of zones
    folder: str  # where the cell's files are
    policies: bool  # whether it may be asked to play the cell's
    trace: str = ""  # a bench's file for the times of ticks

    @property
    def period_ns(self) -> int:
        """Length of a tick [ns]."""
        return 1_000_000_000 // self.rate


class InputConfig(BaseModel):
    """One device of digital inputs, and its poller."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device: str
    driver: str  # entry point name
    settings: dict[str, Any]  # the driver's, port resolved
    rate: int  # Hz
    signals: dict[str, int]  # input -> its number on the control page

    @property
    def period_ns(self) -> int:
        """Time between two readings [ns]."""
        return 1_000_000_000 // self.rate


def loop_configs(cell: Cell, wires: Mapping[str, str]) -> tuple[LoopConfig, ...]:
    """Return the settings of a cell's loops; ``wires`` overrides ports by device name."""
    return tuple(_config(cell, number, wires) for number in range(len(cell.arm.buses)))


def _config(cell: Cell, number: int, wires: Mapping[str, str]) -> LoopConfig:
    name, joints = list(cell.arm.buses.items())[number]
    device = cell.devices[name]
    limits = [cell.arm.limits[joint] for joint in joints]
    servos = [cell.arm.servo[joint] for joint in joints]
    loop, driver = cell.loop, plugins.drivers.one(device.driver)
    given = device_settings(cell, name)
    return LoopConfig(
        device=name,
        number=number,
        buses=len(cell.arm.buses),
        driver=device.driver,
        settings=_settings(cell, name, wires),
        joints=joints,
        units=tuple(limit.unit for limit in limits),
        levers=tuple(limit.lever for limit in limits),
        low=tuple(limit.low for limit in limits),
        high=tuple(limit.high for limit in limits),
        velocity=tuple(limit.velocity for limit in limits),
        grips=tuple(joint == cell.arm.gripper for joint in joints),
        rate=device.rate or loop.rate,
        trajectory_rate=loop.rate,
        slowest=min(cell.devices[bus].rate or loop.rate for bus in cell.arm.buses),
        cpu=loop.cpu if device.cpu is None else device.cpu,
        spin=loop.spin,
        tube=tuple(loop.tube_of(limit) for limit in limits),
        settling=max(servo.damping / servo.stiffness for servo in servos),
        heartbeat=loop.heartbeat,
        stop_time=loop.stop_time,
        stop_category=loop.stop_category,
        stiffness=tuple(servo.stiffness for servo in servos),
        measures_effort=all(getattr(one, "measures_effort", True) for one in (driver, given)),
        told_any_time=getattr(driver, "told_any_time", False),
        late_reads=device.late_reads or loop.late_reads,
        silence=device.silence or loop.silence,
        reflexes=(*GUARDS, *cell.rules),
        rules=own_rules(cell, joints),
        signals=signal_names(cell),
        cell=cell.model_dump(mode="json"),
        folder=str(cell.folder),
        policies=bool(cell.policies) and number == 0,  # they move the arm's joints
    )


def own_rules(cell: Cell, joints: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Return the reflexes that the loop of some joints watches.

    A rule about joints is narrowed to its own. Zones belong to the arm's bus, everything else
    to every loop: each stops by itself.
    """
    own: dict[str, dict[str, Any]] = {}
    for name, rule in reflex_rules(cell).items():
        given = dict(cell.rules[name])
        if "joints" in given:
            others = set(cell.arm.all_joints) - set(joints)
            given["joints"] = [joint for joint in given["joints"] if joint not in others]
            if not given["joints"]:
                continue
        if not rule.needs_links or joints == next(iter(cell.arm.buses.values())):
            own[name] = given
    return own


def signal_names(cell: Cell) -> tuple[str, ...]:
    """Return the signals that the cell's reflexes look at; a name's place is its number."""
    return tuple(sorted({name for rule in reflex_rules(cell).values() for name in rule.signals()}))


def input_configs(cell: Cell, wires: Mapping[str, str]) -> tuple[InputConfig, ...]:
    """Return the settings of the pollers of a cell.

    Raises:
        UnknownName: a reflex looks at an input that no device has.
        InvalidValue: the cell has more signals than the control page.
    """
    inputs = {device: found for device in cell.devices if (found := _inputs(cell, device))}
    names = [f"{device}.{name}" for device in inputs for name in inputs[device]]
    watched = signal_names(cell)
    known = [
        *names,
        *streamed_names(cell),
        *(f"{one}.{watch}" for one, its in cell.perception.items() for watch in its.watch),
    ]
    for name in watched:
        if "." in name and name not in known:
            raise UnknownName("input", name, known, field="reflexes")
    numbered = (*watched, *(name for name in names if name not in watched))
    if len(numbered) > SIGNALS:
        raise InvalidValue("The cell has too many signals.", value=len(numbered), limit=SIGNALS)
    return tuple(
        InputConfig(
            device=device,
            driver=cell.devices[device].driver,
            settings=_settings(cell, device, wires),
            rate=cell.devices[device].rate or INPUT_RATE,
            signals={name: numbered.index(f"{device}.{name}") for name in inputs[device]},
        )
        for device in inputs
    )


def sight_signals(cell: Cell, pipeline: str) -> dict[str, int]:
    """Return the watches of a pipeline that reflexes look at: their numbers on the control page."""
    watched = signal_names(cell)
    return {
        watch: watched.index(f"{pipeline}.{watch}")
        for watch in cell.perception[pipeline].watch
        if f"{pipeline}.{watch}" in watched
    }


def sensor_names(cell: Cell) -> tuple[str, ...]:
    """Return the names of all digital inputs of a cell, as ``device.input``."""
    return tuple(f"{device}.{name}" for device in cell.devices for name in _inputs(cell, device))


def _inputs(cell: Cell, device: str) -> tuple[str, ...]:
    """Return the names of a device's digital inputs: none where it is no InputBus."""
    driver: Any = plugins.drivers.one(cell.devices[device].driver)  # its shape is api.DriverClass
    if not hasattr(driver, "read_inputs"):
        return ()
    inputs: tuple[str, ...] = driver(device, device_settings(cell, device), None).inputs
    return inputs


def _settings(cell: Cell, device: str, wires: Mapping[str, str]) -> dict[str, Any]:
    settings = device_settings(cell, device)
    if device in wires:
        driver = plugins.drivers.one(cell.devices[device].driver)
        settings = plugins.transports.one(driver.transport).at(settings, wires[device])
    given: dict[str, Any] = settings.model_dump(mode="json")
    return given
