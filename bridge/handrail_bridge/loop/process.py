"""The loop's process: absolute-time ticks until the bridge closes it or is gone.

``python -m handrail_bridge.loop.process CONTROL_FD STATE_FD MAILBOX_FD``; its settings are the
first message in the mailbox. It outlives its bridge for as long as something moves.
"""

from __future__ import annotations

import logging
import select
import signal
import socket
import sys
from collections.abc import Callable

from handrail_drivers.errors import HandrailError

from handrail_bridge.loop.clock import WallClock
from handrail_bridge.loop.control import Control
from handrail_bridge.loop.mailbox import MESSAGE, Mailbox
from handrail_bridge.loop.opening import opener
from handrail_bridge.loop.realtime import NeverWaiting, become_realtime
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.shared import Shared
from handrail_bridge.loop.tick import Tick

START_TIMEOUT = 10.0  # s for the bridge to say what to do

log = logging.getLogger("handrail.loop")


def run(tick: Tick, clock: WallClock, period_ns: int, leaving: Callable[[], bool]) -> None:
    """Tick at absolute times until it is time to leave and nothing moves.

    An overrun skips the ticks that were missed; it never bursts.
    """
    due = clock.now_ns() + period_ns
    while True:
        clock.sleep_until(due)
        tick.run_once(due)
        if tick.motion.at_rest and (tick.bridge_gone or leaving()):
            return
        due += period_ns
        late = clock.now_ns() - due
        if late > 0:
            missed = late // period_ns + 1
            tick.overruns += missed
            due += missed * period_ns


def main() -> None:
    """Run one loop."""
    logging.basicConfig(
        level=logging.INFO, format="loop: %(message)s", handlers=[NeverWaiting(sys.stderr)]
    )
    control_fd, shared_fd, mailbox_fd = (int(argument) for argument in sys.argv[1:4])
    end = socket.socket(fileno=mailbox_fd)
    if not select.select([end], [], [], START_TIMEOUT)[0]:
        raise SystemExit("loop: the bridge said nothing")
    config = LoopConfig.model_validate_json(end.recv(MESSAGE))
    control = Control(control_fd)
    shared = Shared(shared_fd, len(config.joints), config.trajectory_rate)
    mailbox = Mailbox(end)
    clock = WallClock(config.spin)
    try:
        tick = Tick(config, clock, control, shared, mailbox, opener(config))
        tick.port.open()
    except HandrailError as error:
        mailbox.answer(0, error=error)
        raise SystemExit(1) from None
    leave = False

    def on_signal(*_: object) -> None:
        nonlocal leave
        leave = tick.flags.stop_wanted = True

    def on_stop(*_: object) -> None:
        tick.flags.stop_wanted = True

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGUSR1, on_stop)
    become_realtime(config.cpu)
    tick.run_once()
    mailbox.answer(0, "ready")
    run(tick, clock, config.period_ns, lambda: leave)
    if tick.bridge_gone and not leave:
        log.warning("the bridge is gone: the arm holds where it stands, torque kept")
    tick.port.close()
    if tick.trace is not None:
        tick.trace.save()


if __name__ == "__main__":
    main()
