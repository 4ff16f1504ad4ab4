"""The safekeeper's process: it writes safe values where its bridge is gone, or stands still.

``python -m handrail_bridge.safekeeper.process CONTROL_FD``; the first line on standard input says
what to keep. A farewell ends it; the end of that pipe without one is the bridge's death, which it
outlives until the safe values stand.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence

from handrail_drivers.errors import HandrailError
from handrail_drivers.modbus.lines import Lines
from handrail_drivers.safe_values import SafeValues
from pydantic import BaseModel, ConfigDict

from handrail_bridge.loop.control import HEARTBEAT, Control
from handrail_bridge.loop.realtime import NeverWaiting
from handrail_bridge.run_dir import is_succeeded
from handrail_bridge.safekeeper.charges import Charge, Ward, ward

LOOK = 0.05  # s between two looks at the bridge
PATIENCE = 60.0  # s that a device may be away once the bridge is dead
READY, FAREWELL = "ready", b"farewell\n"

log = logging.getLogger("handrail.safekeeper")


class KeeperConfig(BaseModel):
    """What to keep, and for whom."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cell: str
    heartbeat: float  # s without the bridge's sign of life
    charges: tuple[Charge, ...]


class Keeper:
    """Brings its wards to rest from :meth:`begin` on, each in a thread, until :meth:`end`."""

    def __init__(self, wards: Sequence[Ward]) -> None:
        self._wards = wards
        self._lines = Lines()
        self._resting: list[SafeValues] = []

    @property
    def acts(self) -> bool:
        """Whether it has begun."""
        return bool(self._resting)

    @property
    def owed(self) -> str:
        """What does not stand yet, in a sentence for each device; empty where all does."""
        return " ".join(one.owed for one in self._resting if one.owed)

    def begin(self, why: str) -> None:
        """Have all safe values written, again and again where one is not taken."""
        if self._resting:
            return
        log.warning("%s: safe values are written without it", why)
        self._resting = [one.resting(self._lines) for one in self._wards]
        for one in self._resting:
            one.begin()

    def end(self) -> str:
        """Try no more, let the lines go, and return what is owed still."""
        for one in self._resting:
            one.end()
        owed = self.owed
        self._lines.close()
        self._lines, self._resting = Lines(), []
        log.warning("%s", owed or "all safe values stand")
        return owed


class Watchman:
    """Looks at the bridge, and has the keeper act while that stands still.

    Args:
        keeper: acts.
        beat: returns when the bridge last gave a sign of life [s, monotonic].
        heartbeat: s without one after which the bridge stands still.
        say: is told what was done once the bridge goes on, in a sentence.
    """

    def __init__(
        self,
        keeper: Keeper,
        beat: Callable[[], float],
        heartbeat: float,
        say: Callable[[str], None],
    ) -> None:
        self._keeper, self._beat, self._heartbeat, self._say = keeper, beat, heartbeat, say

    def look(self) -> None:
        """Act where the bridge stands still; leave it to the bridge once that goes on."""
        silent = time.monotonic() - self._beat()
        if silent > self._heartbeat:
            self._keeper.begin(f"the bridge has given no sign of life for {silent:.2f} s")
        elif self._keeper.acts:
            owed = self._keeper.end()
            self._say(f"The bridge stood still, and safe values were written without it. {owed}")


def outlive(keeper: Keeper, is_succeeded: Callable[[], bool]) -> None:
    """After the bridge's death: go on until all stands, or the cell's next bridge does it."""
    deadline = time.monotonic() + PATIENCE
    keeper.begin("the bridge is dead")
    while keeper.owed and time.monotonic() < deadline and not is_succeeded():
        time.sleep(LOOK)
    keeper.end()


def main() -> None:
    """Keep until the farewell, or until the bridge is dead and its safe values stand."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # where everything is ended at once: after the bridge
    logging.basicConfig(
        level=logging.INFO, format="safekeeper: %(message)s", handlers=[NeverWaiting(sys.stderr)]
    )
    control, parent = Control(int(sys.argv[1])), os.getppid()
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as bridge:
        config = KeeperConfig.model_validate_json(bridge.readline())
        try:
            keeper = Keeper([ward(charge) for charge in config.charges])
        except HandrailError as error:
            _say(error.message)
            raise SystemExit(1) from None
        watchman = Watchman(keeper, lambda: 1e-9 * control.word(HEARTBEAT), config.heartbeat, _say)
        _say(READY)
        while not select.select([bridge], [], [], LOOK)[0]:
            watchman.look()
        if bridge.read(len(FAREWELL)) != FAREWELL:  # the end of the pipe: nobody holds it any more
            outlive(keeper, lambda: is_succeeded(config.cell, parent))


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more
        sys.stdout.write(sentence.strip() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
