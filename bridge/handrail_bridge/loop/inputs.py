"""The poller of one device of digital inputs: their levels as signals on the control page.

``python -m handrail_bridge.loop.inputs CONTROL_FD PARENT CONFIG``. A process of its own, so that
a device which hangs holds up no loop. What cannot be read is not written: its signals grow old,
and the reflexes that look at them stop the motion.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable

from handrail_drivers.api import InputBus
from handrail_drivers.errors import BusLost, DeviceFault, HandrailError
from handrail_drivers.reflex import Signal
from handrail_sim.lifeline import die_with

from handrail_bridge.loop.clock import Clock, WallClock
from handrail_bridge.loop.control import Control
from handrail_bridge.loop.opening import opener, patiently
from handrail_bridge.loop.port import FIRST_WAIT_NS, LONGEST_WAIT_NS
from handrail_bridge.loop.realtime import FIFO_PRIORITY, NeverWaiting, become_realtime
from handrail_bridge.loop.settings import InputConfig
from handrail_bridge.own_process import say_ready

FAULTS = 3  # in a row after which the device is opened again
BELOW_THE_LOOP = 5  # of priority: a tick goes first

log = logging.getLogger("handrail.inputs")


class Poller:
    """One device, read once per ``run_once``, lost and found again."""

    def __init__(
        self, config: InputConfig, clock: Clock, control: Control, factory: Callable[[], InputBus]
    ) -> None:
        self._config = config
        self._clock = clock
        self._control = control
        self._factory = factory
        self._bus: InputBus | None = None
        self._faults = 0
        self._wait_ns = FIRST_WAIT_NS
        self._next_try_ns = 0

    def open(self) -> InputBus:
        """Open the device and find its inputs.

        Raises:
            HandrailError: it is not there, or it is something else; nothing stays open.
        """
        bus = self._factory()
        try:
            bus.connect()
        except HandrailError:
            bus.close()
            raise
        self._bus = bus
        self._faults = 0
        self._wait_ns = FIRST_WAIT_NS
        return bus

    def run_once(self) -> None:
        """Read the inputs and write their signals. Never raises for what hardware does."""
        bus = self._bus or self._reopened()
        if bus is None:
            return
        asked_ns = self._clock.now_ns()  # the levels are at least as young as this
        try:
            levels = bus.read_inputs()
        except DeviceFault as error:
            self._note(error)
            return
        self._faults = 0
        for name, number in self._config.signals.items():
            self._control.put_signal(number, Signal(float(levels[name]), asked_ns))

    def close(self) -> None:
        """Close the device."""
        if self._bus is not None:
            self._bus.close()
            self._bus = None

    def _note(self, error: DeviceFault) -> None:
        """Bear a fault or two; give up the device after more, or where its port is gone."""
        self._faults += 1
        if isinstance(error, BusLost) or self._faults >= FAULTS:
            log.warning("%s is lost: %s", self._config.device, error.message)
            self.close()

    def _reopened(self) -> InputBus | None:
        if self._clock.now_ns() < self._next_try_ns:
            return None
        try:
            bus = self.open()
        except HandrailError:
            self._next_try_ns = self._clock.now_ns() + self._wait_ns
            self._wait_ns = min(2 * self._wait_ns, LONGEST_WAIT_NS)
            return None
        log.warning("%s is back", self._config.device)
        return bus


def run(poller: Poller, clock: Clock, period_ns: int, leaving: Callable[[], bool]) -> None:
    """Read at absolute times until it is time to leave; readings that were missed are skipped."""
    due = clock.now_ns()
    while not leaving():
        poller.run_once()
        due += period_ns * ((clock.now_ns() - due) // period_ns + 1)
        clock.sleep_until(due)


def main() -> None:
    """Poll one device."""
    control_fd, parent = int(sys.argv[1]), int(sys.argv[2])
    die_with(parent)
    logging.basicConfig(
        level=logging.INFO, format="inputs: %(message)s", handlers=[NeverWaiting(sys.stderr)]
    )
    config = InputConfig.model_validate_json(sys.argv[3])
    leave = False

    def on_signal(*_: object) -> None:
        nonlocal leave
        leave = True

    signal.signal(signal.SIGTERM, on_signal)
    clock = WallClock()
    try:
        poller = Poller(config, clock, Control(control_fd), opener(config))
        patiently(poller.open)
    except HandrailError as error:
        say_ready(error)
        raise SystemExit(1) from None
    become_realtime(None, FIFO_PRIORITY - BELOW_THE_LOOP)
    poller.run_once()  # who hears that it is ready finds its signals
    say_ready()
    run(poller, clock, config.period_ns, lambda: leave)
    poller.close()


if __name__ == "__main__":
    main()
