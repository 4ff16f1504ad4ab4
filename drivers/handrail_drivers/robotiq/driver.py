"""A Robotiq 2F-85 as a motion bus of one joint, which grows as the fingers open."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, Literal, NoReturn

from pydantic import Field

from handrail_drivers.api import HoldState, JointHealth, JointState
from handrail_drivers.errors import BusLost, ModbusFault, NotReady
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.frames import Request, Table
from handrail_drivers.modbus.line import Line
from handrail_drivers.modbus.lines import LineSettings
from handrail_drivers.robotiq import registers as reg
from handrail_drivers.robotiq.registers import Activation, Command, Contact, Status
from handrail_drivers.setpoints import require_finite

LEAST_GRIP, MOST_GRIP = 20.0, 235.0  # N, of a 2F-85 (manual, section 6: specifications)
FINGERS = 2  # that press with the grip each
PATIENCE = 8.0  # s that an activation may take
STOPS = 0x08  # fault codes from here on stop the gripper
VOLTAGE = 24.0  # V: it does not tell


class RobotiqSettings(LineSettings):
    """A gripper on a Modbus RTU line of its own."""

    joint: str = Field(description="the fingers' joint in the world's model")
    unit: Annotated[int, Field(ge=1, le=247)] = Field(default=9, description="its number there")
    baud: Annotated[int, Field(gt=0)] = Field(default=115_200, description="bit/s")
    parity: Literal["none", "even", "odd"] = Field(default="none", description="of its line")
    open_at: Annotated[float, Field(gt=0, le=0.2)] = Field(
        default=0.0425, description="m: the joint's position where the fingers are open, 0 closed"
    )
    counts: tuple[int, int] = Field(
        default=(3, 228), description="position that it reports where it is open, and closed"
    )
    speed: Annotated[float, Field(ge=0, le=1)] = Field(default=1.0, description="of its most")
    force: Annotated[float, Field(ge=0, le=1)] = Field(default=0.1, description="of its most")
    activation: Literal["refuse", "when armed"] = Field(
        default="refuse",
        description="an activation opens and closes the fingers: it is refused, or done when armed",
    )


class Robotiq:
    """A :class:`~handrail_drivers.api.MotionBus` of the two fingers.

    The gripper tells no force: ``effort`` [N], of both fingers together, is the one that it was set
    to while its object detection says that it presses, and 0 else.

    Args:
        name: of the device in its cell.
        settings: its settings.
        transport: its line, which nothing else uses.
        clock: monotonic time [ns].
    """

    Settings: ClassVar[type[RobotiqSettings]] = RobotiqSettings
    transport: ClassVar[str] = "modbus"
    verified_on_hardware: ClassVar[bool] = False
    measures_effort: ClassVar[bool] = False  # only that it presses

    def __init__(
        self,
        name: str,
        settings: RobotiqSettings,
        transport: Line,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.joints = (settings.joint,)
        self._name = name
        self._settings = settings
        self._line = transport
        self._clock = clock
        self._read_request = frames.read(settings.unit, Table.HOLDING, reg.INPUT, reg.COUNT)
        self._status: Status | None = None
        self._position, self._read_ns = 0.0, 0
        self._asked: int | None = None  # position that was asked for last
        self._powered = False
        self._activating_ns: int | None = None  # since when, by us
        self._force = FINGERS * (LEAST_GRIP + settings.force * (MOST_GRIP - LEAST_GRIP))

    @property
    def retries(self) -> int:
        """A late reading is the loop's to bear: nothing is repeated here."""
        return 0

    def faults(self) -> dict[str, tuple[str, ...]]:
        """Return what the gripper complained of in the last cyclic read."""
        status = self._status
        if status is not None and status.fault >= STOPS:
            return {self.joints[0]: (_spoken(status.fault),)}
        if status is not None and self._powered and not _is_ready(status):
            return {self.joints[0]: ("gripper: its activation is lost",)}
        return {}

    def connect(self) -> None:
        """Find the gripper. Moves nothing, and activates nothing."""
        self.read()

    def read(self) -> JointState:
        """Read status and position."""
        status = self._look()
        now, position = self._clock(), self._metres(status.position)
        passed = (now - self._read_ns) * 1e-9
        speed = (position - self._position) / passed if self._read_ns and passed > 0 else 0.0
        self._position, self._read_ns = position, now
        return JointState(now, (position,), (speed,), (self._pressing(status),))

    def write(self, setpoints: Sequence[float]) -> None:
        """Ask for a position; it goes there at the speed and with the force of its settings.

        One without power is asked nothing: a request would activate it.

        Raises:
            InvalidValue: it is no number.
        """
        require_finite(setpoints)
        (wanted,) = setpoints
        if not self._powered or self._status is None or not _is_ready(self._status):
            return
        count = self._count(wanted)
        if count != self._asked:
            self._command(count, go=True, activate=True)
            self._asked = count

    def read_hold(self) -> HoldState:
        """Return the position that is asked for, and whether it would go there.

        While it moves, that is where it is: who begins anew does not go on with what another began.
        """
        status = self._look()
        is_there = status.going and status.contact != Contact.MOVING  # or presses on its way
        goal = self._metres(status.echo if is_there else status.position)
        return HoldState((goal,), (_is_ready(status) and status.going,))

    def read_health(self, joint: str) -> JointHealth:
        """Read the motor's current and whether it follows; temperature and voltage it keeps."""
        status = self._look()
        return JointHealth(
            joint,
            0.0,
            VOLTAGE,
            0.01 * status.current,
            moving=status.going and status.contact == Contact.MOVING,
            torque_enabled=_is_ready(status) and status.going,
            faults=self.faults().get(joint, ()),
        )

    def set_torque(self, enabled: bool) -> None:
        """Let it follow requests from where it is, or no more; what it holds it goes on holding.

        Raises:
            NotReady: it has begun to activate itself.
            ModbusFault: it is not activated and may not be, or does not become so.
        """
        status = self._look()
        self._powered = False
        if not enabled:
            self._stand(status)
            return
        if not _is_ready(status):
            self._activate(status)
        self._activating_ns = None
        pressing = status.contact in (Contact.OPENING, Contact.CLOSING)
        self._asked = status.echo if pressing else status.position  # a grip is kept
        self._command(self._asked, go=True, activate=True)
        if not self._look().going:
            raise ModbusFault(
                f"{self._name} was told to follow, and does not.",
                subject=self.joints[0],
                hint="arm again; its controller may be busy with an activation",
            )
        self._powered = True

    def reset(self) -> None:
        """Bear that an activation was lost; faults end with their cause, or with another one."""
        self._powered = self._powered and _is_ready(self._look())

    def stop(self) -> None:
        """Stand; what is held is held."""
        self._stand(self._look())

    def close(self) -> None:
        """Release the line. The fingers stay as they were asked for last."""
        self._line.close()

    # --- activation -----------------------------------------------------------------------------

    def _activate(self, status: Status) -> NoReturn:
        """Begin an activation, or say that it goes on: the loop cannot wait for it."""
        if self._settings.activation == "refuse":
            why = f" ({_spoken(status.fault)})" if status.fault else ""
            raise ModbusFault(
                f"{self._name} is not activated{why}, and an activation opens and closes its "
                "fingers.",
                subject=self.joints[0],
                field="activation",
                hint='take out what it holds, then set activation = "when armed" in the cell',
            )
        now = self._clock()
        if self._activating_ns is None:
            self._activating_ns = now
            self._write(Command(activate=False, go=False, position=0, speed=0, force=0))
            self._write(Command(activate=True, go=False, position=0, speed=0, force=0))
        elif (now - self._activating_ns) * 1e-9 > PATIENCE:
            self._activating_ns = None
            raise ModbusFault(
                f"{self._name} did not activate itself within {PATIENCE:g} s: "
                f"{_spoken(status.fault)}.",
                subject=self.joints[0],
                value=status.fault,
            )
        raise NotReady(
            f"{self._name} activates itself.",
            subject=self.joints[0],
            hint="arm again in some seconds",
        )

    # --- counts and metres ----------------------------------------------------------------------

    def _metres(self, count: int) -> float:
        opened, closed = self._settings.counts
        return self._settings.open_at * (closed - count) / (closed - opened)

    def _count(self, position: float) -> int:
        opened, closed = self._settings.counts
        count = closed - position * (closed - opened) / self._settings.open_at
        return max(0, min(reg.MOST, round(count)))

    def _pressing(self, status: Status) -> float:
        match status.contact:
            case Contact.CLOSING:
                return -self._force
            case Contact.OPENING:
                return self._force
        return 0.0

    # --- exchanges ------------------------------------------------------------------------------

    def _look(self) -> Status:
        self._status = reg.status_of(frames.words(self._ask(self._read_request)))
        return self._status

    def _stand(self, status: Status) -> None:
        """Have it stay where it is; one that is not activated is not by this, either."""
        self._asked = None
        self._command(status.position, go=False, activate=status.activated)

    def _command(self, position: int, *, go: bool, activate: bool) -> None:
        speed, force = (
            round(reg.MOST * part) for part in (self._settings.speed, self._settings.force)
        )
        self._write(Command(activate, go, position, speed, force))

    def _write(self, command: Command) -> None:
        self._ask(frames.write_registers(self._settings.unit, reg.OUTPUT, command.words()))

    def _ask(self, request: Request) -> bytes:
        try:
            return self._line.ask(request)
        except (ModbusFault, BusLost) as error:
            error.subject = self.joints[0]
            error.message = f"{self._name}: {error.message}"
            raise


def _is_ready(status: Status) -> bool:
    is_active = status.activated and status.activation == Activation.DONE
    return is_active and status.fault < reg.MAJOR


def _spoken(fault: int) -> str:
    return f"gripper fault {fault:#04x}, {reg.FAULTS.get(fault, 'unknown')}"
