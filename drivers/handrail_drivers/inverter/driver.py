"""An axis that a frequency inverter drives at a speed, held to positions by the loop's setpoints.

The inverter has a speed, the loop has positions: each write turns the way to the setpoint into a
speed, its own forward speed and a share of what is missing. Where nothing comes any more the
inverter stops by itself, after a time that is written and read back before it gets power.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from handrail_drivers.api import HoldState, JointHealth, JointState
from handrail_drivers.errors import InvalidCell, ModbusFault
from handrail_drivers.inverter.fault_codes import spoken
from handrail_drivers.inverter.power import DISABLE_VOLTAGE, FAULT_RESET, UP, Power, power_of
from handrail_drivers.modbus.device import ModbusSettings
from handrail_drivers.modbus.line import Line
from handrail_drivers.modbus.map_file import load_map
from handrail_drivers.modbus.registers import Registers
from handrail_drivers.setpoints import require_finite

NEEDED = ("status_word", "control_word", "target_speed", "speed", "position", "force")
SLOW = ("fault_code", "temperature", "voltage", "current")
SAFETY = ("communication_loss", "ramp")
CYCLIC = ("status_word", "speed", "position", "force")
STEPS = 5  # from no voltage to operation, with one to spare
NEAR = 0.0005  # m, or rad: nearer than that, a standing axis is left alone
LONGEST_TICK = 0.2  # s between two writes that still tell a speed


class InverterSettings(ModbusSettings):
    """An inverter on a Modbus line of its own. Its map names what it has to have."""

    joint: str = Field(description="the axis's joint in the world's model")
    gain: Annotated[float, Field(gt=0, le=50)] = Field(
        default=8.0, description="1/s: share of the missing way that is made up in a second"
    )
    communication_loss: Annotated[float, Field(ge=0.05, le=2.0)] = Field(
        default=0.3, description="s without a request after which the inverter stops by itself"
    )
    ramp: Annotated[float, Field(gt=0)] = Field(
        default=2.0, description="m/s2 (rad/s2) of its own ramp, steeper than any plan"
    )


class Inverter:
    """A :class:`~handrail_drivers.api.MotionBus` of one axis.

    Args:
        name: of the device in its cell.
        settings: its settings.
        transport: its line, which nothing else uses.
        clock: monotonic time [ns].

    Raises:
        InvalidCell: its map lacks a register.
    """

    Settings: ClassVar[type[InverterSettings]] = InverterSettings
    transport: ClassVar[str] = "modbus"
    verified_on_hardware: ClassVar[bool] = False
    measures_effort: ClassVar[bool] = False  # of the motor, ramps and friction of its gear included

    def __init__(
        self,
        name: str,
        settings: InverterSettings,
        transport: Line,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.joints = (settings.joint,)
        self._name = name
        self._settings = settings
        self._line = transport
        self._device = Registers(name, load_map(settings.map), settings.unit, transport)
        self._clock = clock
        self._state = Power.NOT_READY
        self._fault = 0
        self._position = 0.0
        self._goal: float | None = None
        self._may_run = True  # until it has confirmed that it was told to stand
        self._unsure = False  # whether it has the last speed: then it is told to stand
        self._powered = False
        self._written_ns = 0
        missing = [
            one for one in (*NEEDED, *SLOW, *SAFETY) if one not in self._device.map.registers
        ]
        if missing:
            raise InvalidCell(
                f"The map of {name} lacks {', '.join(missing)}.", field="map", value=missing
            )
        bounds = self._device.map.registers["target_speed"]
        if bounds.low is None or bounds.high is None or not bounds.low < 0 < bounds.high:
            raise InvalidCell(
                f"The map of {name} bounds target_speed on one side at most.", field="map"
            )
        self._low, self._high = bounds.low, bounds.high

    @property
    def retries(self) -> int:
        """A late reading is the loop's to bear: nothing is repeated here."""
        return 0

    def faults(self) -> dict[str, tuple[str, ...]]:
        """Return what the inverter complained of in the last cyclic read, or how it lost power."""
        if self._state in (Power.FAULT, Power.FAULT_REACTION):
            return {self.joints[0]: (f"inverter fault {spoken(self._fault)}",)}
        if self._powered and self._state != Power.ENABLED:
            return {self.joints[0]: (f"inverter: {self._state}",)}
        return {}

    def connect(self) -> None:
        """Find the inverter, let it stand, set its ramp and its own communication-loss timeout."""
        self._drive(0.0)  # our reading alone would keep alive what somebody else has begun
        self._set("ramp", self._settings.ramp)
        self._set("communication_loss", self._settings.communication_loss)
        self.read()

    def read(self) -> JointState:
        """Read power state, position, speed and force; let it stand where no more setpoints come.

        It is told so until it confirms: reading keeps the inverter's own timeout from running out.
        """
        if (self._clock() - self._written_ns) * 1e-9 > LONGEST_TICK:
            self._goal = None  # nobody holds it there any more: it may have been pushed
            if self._may_run:
                self._drive(0.0)
        values = self._numbers(CYCLIC)
        self._state = power_of(int(values["status_word"]))
        self._position = values["position"]
        if self._state in (Power.FAULT, Power.FAULT_REACTION):
            self._fault = int(self._numbers(("fault_code",))["fault_code"])
        axis = (values["position"],), (values["speed"],), (values["force"],)
        return JointState(self._clock(), *axis)

    def write(self, setpoints: Sequence[float]) -> None:
        """Set the speed that leads to a position; after a write whose answer was lost, none.

        Raises:
            InvalidValue: it is no number, which the speed's limits would let pass.
        """
        require_finite(setpoints)
        (goal,) = setpoints
        now = self._clock()
        passed = (now - self._written_ns) * 1e-9
        before = goal if self._goal is None or passed > LONGEST_TICK else self._goal
        self._goal, self._written_ns = goal, now
        missing = goal - self._position
        if goal == before and abs(missing) < NEAR:
            missing = 0.0
        forward = (goal - before) / passed if goal != before and passed > 0 else 0.0
        self._drive(forward + self._settings.gain * missing)

    def read_hold(self) -> HoldState:
        """Return the goal that is followed, or where the axis is, and whether it has power."""
        position = self.read().position[0]
        goal = position if self._goal is None else self._goal
        return HoldState((goal,), (self._state == Power.ENABLED,))

    def read_health(self, joint: str) -> JointHealth:
        """Read temperature, voltage, current and power state."""
        values = self._numbers((*SLOW, "status_word", "speed"))
        self._state = power_of(int(values["status_word"]))
        return JointHealth(
            joint,
            values["temperature"],
            values["voltage"],
            values["current"],
            moving=values["speed"] != 0,
            torque_enabled=self._state == Power.ENABLED,
            faults=self.faults().get(joint, ()),
        )

    def set_torque(self, enabled: bool) -> None:
        """Bring the inverter into operation at no speed, or take its voltage off: it coasts.

        Raises:
            ModbusFault: its communication-loss timeout is not what it has to be, or it does not
                come into operation; it has no power then.
        """
        self._goal = None
        self._powered = False
        if not enabled:
            self._cut()
            return
        self._drive(0.0)
        self._require_timeout()
        for _ in range(STEPS):
            self.read()
            if self._state == Power.ENABLED:
                self._powered = True
                return
            self._device.write("control_word", UP.get(self._state, DISABLE_VOLTAGE))
        faults = self.faults().get(self.joints[0], (f"it is {self._state}",))
        self._cut()
        raise ModbusFault(
            f"{self._name} does not come into operation: {faults[0]}.",
            subject=self.joints[0],
            value=self._fault,
            hint="see its own display for the fault; its enable input may be open",
        )

    def reset(self) -> None:
        """Reset a fault of the inverter; it has no power afterwards."""
        self.read()
        self._powered = self._powered and self._state == Power.ENABLED
        if self._state == Power.FAULT:
            self._device.write("control_word", FAULT_RESET)
            self._device.write("control_word", DISABLE_VOLTAGE)

    def stop(self) -> None:
        """Come to a stand by the inverter's ramp, with power."""
        self._goal = None
        self._drive(0.0)

    def close(self) -> None:
        """Release the line. It stands by its own timeout where it still moved."""
        self._line.close()

    def _cut(self) -> None:
        self._device.write("control_word", DISABLE_VOLTAGE, urgent=True)
        self._state = Power.DISABLED

    def _drive(self, speed: float) -> None:
        told = 0.0 if self._unsure else max(self._low, min(self._high, speed))
        self._may_run = self._unsure = True
        self._device.write("target_speed", told, urgent=not told)  # to stand: though it only hears
        self._may_run, self._unsure = told != 0, False

    def _set(self, name: str, value: float) -> None:
        """Write what has to be read back."""
        if not self._device.write(name, value):
            raise ModbusFault(
                f"{name} of {self._name} cannot be read back.",
                subject=self.joints[0],
                field=name,
                hint="its register map needs read_back = true there",
            )

    def _require_timeout(self) -> None:
        """Refuse power where the inverter would not stop by itself."""
        found = self._numbers(("communication_loss",))["communication_loss"]
        wanted = self._settings.communication_loss
        if not 0 < found <= wanted * 1.001:
            self._cut()  # it may have power since before
            raise ModbusFault(
                f"{self._name} would go on for {found:g} s without us: it gets no power.",
                subject=self.joints[0],
                field="communication_loss",
                value=found,
                limit=wanted,
                unit="s",
                hint="it may have been switched off since: arm again, or connect it anew",
            )

    def _numbers(self, names: Sequence[str]) -> dict[str, float]:
        values: dict[str, Any] = self._device.read(names)
        return {name: float(values[name]) for name in names}
