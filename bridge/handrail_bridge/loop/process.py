"""The loop's process: absolute-time ticks until the bridge closes it or is gone.

``python -m handrail_bridge.loop.process CONTROL_FD STATE_FD MAILBOX_FD``; its settings are the
first message in the pipe. It outlives its bridge for as long as something moves.
"""

from __future__ import annotations

import logging
import select
import signal
import socket
import sys
from collections.abc import Callable

from handrail_drivers.errors import HandrailError

from handrail_bridge.loop.clock import Clock, WallClock
from handrail_bridge.loop.control import Control
from handrail_bridge.loop.opening import opener, patiently
from handrail_bridge.loop.pipe import MESSAGE, Pipe
from handrail_bridge.loop.realtime import NeverWaiting, become_realtime
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.shared import Shared
from handrail_bridge.loop.tick import Tick

START_TIMEOUT = 10.0  # s for the bridge to say what to do
GIVE_UP_NS = 10_000_000_000  # after that a device that does not hear is told nothing more

log = logging.getLogger("handrail.loop")


def run(tick: Tick, clock: Clock, period_ns: int, leaving: Callable[[], bool]) -> None:
    """Tick at absolute times until it is time to leave, nothing moves, and a stop has arrived.

    An overrun skips the periods that were missed as a whole, and begins late within the one that
    runs: what is behind is never made up for by a burst. What nobody foresaw ends the loop; its
    joints are held by their driver then.
    """
    due = clock.now_ns() + period_ns
    left = 0
    try:
        while True:
            while not clock.sleep_until(due):
                tick.heed()
            tick.run_once(due)
            if tick.bridge_gone or leaving():
                left = left or due
                if tick.is_done or (tick.motion.at_rest and due - left > GIVE_UP_NS):
                    return
            due = following(due, clock.now_ns(), period_ns)
    except Exception:
        log.critical("the loop ends by a fault of its own, or of its driver")
        hold(tick)
        raise


def following(due_ns: int, now_ns: int, period_ns: int) -> int:
    """Return when the next tick is due [ns]: periods that have passed as a whole are skipped."""
    due_ns += period_ns
    return due_ns + max(0, (now_ns - due_ns) // period_ns) * period_ns


def hold(tick: Tick) -> None:
    """Have the joints held where they are by their driver, as well as it can."""
    try:
        if tick.port.bus is not None:
            tick.port.bus.stop()
    except Exception:
        log.exception("the driver could not stop its joints: they have their last setpoint")


def main() -> None:
    """Run one loop."""
    logging.basicConfig(
        level=logging.INFO, format="loop: %(message)s", handlers=[NeverWaiting(sys.stderr)]
    )
    control_fd, shared_fd, pipe_fd = (int(argument) for argument in sys.argv[1:4])
    end = socket.socket(fileno=pipe_fd)
    if not select.select([end], [], [], START_TIMEOUT)[0]:
        raise SystemExit("loop: the bridge said nothing")
    config = LoopConfig.model_validate_json(end.recv(MESSAGE))
    pipe = Pipe(end)
    control = Control(control_fd)
    bell = control.bell(config.number) if config.told_any_time else None
    clock = WallClock(config.spin, bell)
    shared = Shared(shared_fd, len(config.joints), config.trajectory_rate)
    try:
        tick = Tick(config, clock, control, shared, pipe, opener(config))
        patiently(tick.port.open)
    except HandrailError as error:
        pipe.answer(0, error=error)
        raise SystemExit(1) from None
    leaving = _on_signals(tick)
    refused = become_realtime(config.cpu)
    tick.run_once()
    pipe.answer(0, {"refused": refused})
    run(tick, clock, config.period_ns, leaving)
    if tick.bridge_gone and not leaving():
        log.warning("the bridge is gone: the arm holds where it stands, torque kept")
    tick.port.close()
    if tick.trace is not None:
        tick.trace.save()


def _on_signals(tick: Tick) -> Callable[[], bool]:
    """Stop at a signal; return what tells whether it asked to leave, too."""
    leave = False

    def on_signal(number: int, *_: object) -> None:
        nonlocal leave
        leave = leave or number != signal.SIGUSR1
        tick.flags.stop_wanted = True

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, on_signal)
    return lambda: leave


if __name__ == "__main__":
    main()
