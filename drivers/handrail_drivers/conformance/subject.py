"""What a driver's author tells the conformance kit."""

from __future__ import annotations

import unittest
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from handrail_drivers.emulator import StandIn

Outputs = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Call:
    """One valid call of a tool.

    ``outputs``: what the emulator does once that is done (some of its outputs suffice).
    ``unreachable``: arguments that the schema allows and the device cannot do, where there are any.
    """

    arguments: Mapping[str, Any] = field(default_factory=dict)
    outputs: Outputs = field(default_factory=dict)
    unreachable: Mapping[str, Any] | None = None


class Conformance:
    """A driver under test; derive from it, and name the class ``Test...`` where pytest runs it.

    The timeouts in ``settings`` should be short: the bench waits for them.
    """

    driver: ClassVar[Any]
    settings: ClassVar[Mapping[str, Any]] = {}
    calls: ClassVar[
        Mapping[str, Call]
    ] = {}  # by tool; one that observes without arguments needs none
    setpoints: ClassVar[Sequence[float] | None] = None  # of a MotionBus: far from its start
    beyond: ClassVar[Sequence[float] | None] = None  # of a MotionBus: what no joint can reach
    safe: ClassVar[Outputs | None] = None  # outputs after close; None: close leaves all as it is
    stop_time: ClassVar[float] = 1.0  # s from a stop to standstill
    patience: ClassVar[float] = 1.0  # s that one call may wait in all

    def emulator(self) -> StandIn | None:
        """Return a fresh emulator; None where the driver has no wire."""
        return None

    def open(self, driver: Any) -> None:
        """Connect the driver."""
        driver.connect()

    def _run(self, name: str) -> None:
        from handrail_drivers.conformance.report import run_check

        outcome = run_check(self, name)
        if outcome.result == "not applicable":
            raise unittest.SkipTest(outcome.text)  # pytest skips, too
        if outcome.result != "passed":
            raise AssertionError(outcome.text)

    def test_schema_complete(self) -> None:
        """Tools and settings say all that an agent or a cell's author has to know."""
        self._run("schema_complete")

    def test_limits_enforced(self) -> None:
        """What is beyond a limit is refused, and does nothing."""
        self._run("limits_enforced")

    def test_not_a_number_refused(self) -> None:
        """NaN and infinity are refused, and do nothing."""
        self._run("not_a_number_refused")

    def test_unreachable_moves_nothing(self) -> None:
        """What the device cannot reach is an error, and does nothing."""
        self._run("unreachable_moves_nothing")

    def test_connect_moves_nothing(self) -> None:
        """Connecting changes no output."""
        self._run("connect_moves_nothing")

    def test_does_what_it_says(self) -> None:
        """A call that returns has done what was asked."""
        self._run("does_what_it_says")

    def test_honest_result(self) -> None:
        """A device that does nothing is not said to have done it."""
        self._run("honest_result")

    def test_timeouts_honoured(self) -> None:
        """A silent device is an error within the driver's own time."""
        self._run("timeouts_honoured")

    def test_cancellation(self) -> None:
        """A call that waits ends when the driver is closed."""
        self._run("cancellation")

    def test_disconnect_in_mid_message(self) -> None:
        """A port that goes within an answer is an error, not a result."""
        self._run("disconnect_in_mid_message")

    def test_reconnect_disarmed(self) -> None:
        """A device that comes back does not go on with what it did."""
        self._run("reconnect_disarmed")

    def test_garbage_refused(self) -> None:
        """An answer that is none is an error, and the next one is understood."""
        self._run("garbage_refused")

    def test_truncated_refused(self) -> None:
        """Half an answer is an error, and the next one is understood."""
        self._run("truncated_refused")

    def test_late_reply_dropped(self) -> None:
        """An old answer does not pass for the present one."""
        self._run("late_reply_dropped")

    def test_stops_in_time(self) -> None:
        """A stop ends motion within its time."""
        self._run("stops_in_time")

    def test_safe_on_close(self) -> None:
        """Closing leaves the declared outputs."""
        self._run("safe_on_close")

    def test_never_blocks(self) -> None:
        """No call holds up the event loop, or spins."""
        self._run("never_blocks")

    def test_nothing_left_behind(self) -> None:
        """A closed driver leaves no thread and no descriptor."""
        self._run("nothing_left_behind")
