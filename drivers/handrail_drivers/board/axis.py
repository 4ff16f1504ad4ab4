"""An axis that a board moves: a servo output, and a channel that says where it is.

The loop's ticks keep the output fresh. Where they end, the board lets it go by itself, within the
output's maximum age and by its own clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from handrail.v1.link_layout import AckResult, BoardState, Command
from pydantic import Field

from handrail_drivers.api import Effect, HoldState, JointHealth, JointState
from handrail_drivers.board.description import BoardChannel, named
from handrail_drivers.board.exchange import Exchange
from handrail_drivers.board.settings import LineSettings
from handrail_drivers.errors import BoardFault, Refused, UnknownName
from handrail_drivers.setpoints import require_finite
from handrail_drivers.transport import Transport

LONGEST_AGE = 1.0  # s without a command after which the board has to let go


class BoardAxisSettings(LineSettings):
    """One axis of a board that moves nothing else. Its channels count in the joint's unit."""

    joint: str = Field(description="the axis's joint in the world's model")
    output: str = Field(description="the channel that moves it")
    position: str = Field(description="the channel that says where it is")


class BoardAxis:
    """A :class:`~handrail_drivers.api.MotionBus` of one joint. It tells no effort: that is 0.

    Args:
        name: of the device in its cell.
        settings: its settings.
        transport: its line, which nothing else uses.
        clock: monotonic time [ns].
    """

    Settings: ClassVar[type[BoardAxisSettings]] = BoardAxisSettings
    transport: ClassVar[str] = "serial"
    verified_on_hardware: ClassVar[bool] = False
    measures_effort: ClassVar[bool] = False  # nothing on the board feels it

    def __init__(
        self,
        name: str,
        settings: BoardAxisSettings,
        transport: Transport,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.joints = (settings.joint,)
        self._name = name
        self._settings = settings
        self._board = Exchange(name, transport, settings.timeout)
        self._clock = clock
        self._output: BoardChannel | None = None
        self._sensor: BoardChannel | None = None
        self._goal: float | None = None
        self._told_ns = 0  # when it was told that
        self._powered = False
        self._position, self._read_ns = 0.0, 0

    @property
    def retries(self) -> int:
        """A late reading is the loop's to bear: nothing is repeated here."""
        return 0

    def faults(self) -> dict[str, tuple[str, ...]]:
        """Return why the board does not follow any more, as it has said itself."""
        why = self._board.trouble
        return {self.joints[0]: (why,)} if why and self._powered else {}

    def connect(self) -> None:
        """Wait for the board's hello, which may reset when its port is opened; begin a session.

        Raises:
            UnknownName: it has no such channel.
            BoardFault: a channel cannot be what the cell says, or the board does not let go soon.
            BoardSilent: nobody says hello.
        """
        channels = self._board.begin(self._settings.wait)
        self._output = _channel(channels, self._settings.output, "output")
        self._sensor = _channel(channels, self._settings.position, "position")
        output, sensor = self._output, self._sensor
        if output.effect is not Effect.MOVE or not output.writable:
            raise self._unfit("output", f"{output.name} moves nothing")
        if not sensor.readable or sensor.unit != output.unit:
            raise self._unfit("position", f"{sensor.name} does not read {output.unit}")
        if sensor.writable:  # a stepper: blocked, or after a reset, it is elsewhere
            raise self._unfit("position", f"{sensor.name} tells where it was sent, not where it is")
        if output.safe is not None:  # with force, and nobody has checked that way
            raise self._unfit(
                "output",
                f"at a stop {output.name} {output.by_itself} {output.unit}, wherever it is",
                "a servo has to let go: HR_LIMP_SERVO in the board's application",
            )
        if output.max_age > LONGEST_AGE:
            raise self._unfit("output", f"{output.name} would go on for {output.max_age:g} s")

    def read(self) -> JointState:
        """Ask where the axis is; what the board says meanwhile is heard."""
        position = self._known(self._sensor).value(self._board.value(self._known(self._sensor)))
        now = self._clock()
        passed = (now - self._read_ns) * 1e-9
        speed = (position - self._position) / passed if self._read_ns and passed > 0 else 0.0
        self._position, self._read_ns = position, now
        return JointState(now, (position,), (speed,), (0.0,))

    def write(self, setpoints: Sequence[float]) -> None:
        """Command a position; whether the board took it, the next reading hears.

        One without power is commanded nothing.

        Raises:
            InvalidValue: it is no number, or beyond the board's limits.
        """
        require_finite(setpoints)
        (goal,) = setpoints
        if not self._powered:
            return
        output = self._known(self._output)
        self._board.tell(lambda number: Command(number, output.number, output.raw(goal), 0))
        self._goal, self._told_ns = goal, self._clock()

    def read_hold(self) -> HoldState:
        """Return the goal that it is driven to, or where it is, and whether it is driven."""
        position = self.read().position[0]
        if self._goal is None or not self._follows():
            return HoldState((position,), (False,))
        return HoldState((self._goal,), (True,))

    def read_health(self, joint: str) -> JointHealth:
        """Return whether it has power; the board tells neither temperature nor current."""
        return JointHealth(
            joint,
            0.0,
            0.0,
            0.0,
            moving=False,
            torque_enabled=self._holds(),
            faults=self.faults().get(joint, ()),
        )

    def set_torque(self, enabled: bool) -> None:
        """Let the board follow commands, from where the axis is; or let the axis go.

        Raises:
            Refused: the board's emergency stop is open.
            BoardFault: it does not arm for another reason.
        """
        self._goal, self._powered = None, False
        if not enabled:
            self._board.stop()
            return
        result = self._board.arm()
        if result == AckResult.EMERGENCY_STOP:
            raise Refused(
                f"{self._name} does not arm: its emergency stop is open.",
                hint="release the button, then arm again",
            )
        if result != AckResult.DONE:
            raise self._unfit("output", f"it does not arm, {named(AckResult, result)}")
        self._powered = True

    def reset(self) -> None:
        """Forget why the board let go, where its emergency stop is closed again."""
        state = self._board.state()
        if self._board.trouble:  # armed as it may be yet, somebody may have pushed the axis since
            self._goal, self._powered = None, False
        if not state & BoardState.EMERGENCY_STOP:
            self._board.trouble = ""
        self._powered = self._powered and bool(state & BoardState.ARMED)

    def stop(self) -> None:
        """Stand: the goal is where the axis is."""
        if self._powered:
            self.write(self.read().position)

    def close(self) -> None:
        """Release the line. The board lets go within its time, where it still held."""
        self._board.close()

    def _holds(self) -> bool:
        return self._powered and bool(self._board.state() & BoardState.ARMED)

    def _follows(self) -> bool:
        """Tell whether it is driven to its goal still: the board lets go of one not told anew."""
        lasts_ns = 1e9 * self._known(self._output).max_age
        is_fresh = self._clock() - self._told_ns < lasts_ns and not self._board.trouble
        return is_fresh and self._holds()

    def _known(self, channel: BoardChannel | None) -> BoardChannel:
        if channel is None:
            raise BoardFault(f"{self._name} is not connected.", subject=self.joints[0])
        return channel

    def _unfit(
        self, field: str, why: str, hint: str = "`handrail firmware info` tells what the board has"
    ) -> BoardFault:
        return BoardFault(
            f"{self._name} is no axis: {why}.",
            subject=self.joints[0],
            field=field,
            hint=hint,
        )


def _channel(channels: dict[str, BoardChannel], name: str, field: str) -> BoardChannel:
    if name not in channels:
        raise UnknownName("channel", name, channels, field)
    return channels[name]
