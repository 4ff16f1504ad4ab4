"""What others tell the loop between two ticks: to stop, to abort, or that they are gone."""

from __future__ import annotations

from handrail_bridge.loop.control import ABORT, FAULTED, STOPS, TOKEN, Control
from handrail_bridge.loop.mailbox import Mailbox
from handrail_bridge.loop.motion import Motion
from handrail_bridge.loop.settings import LoopConfig


class Flags:
    """The flags of the control page, of a signal and of the mailbox, read on every tick."""

    def __init__(self, config: LoopConfig, control: Control, mailbox: Mailbox) -> None:
        self._control = control
        self._mailbox = mailbox
        self._number = config.number
        self._others = [n for n in range(config.buses) if n != config.number]
        self._stops = control.word(STOPS)
        self.stop_wanted = False  # a signal asks for a held stop

    def obey(self, motion: Motion) -> None:
        """Do with the motion what the flags say."""
        stops = self._control.word(STOPS)
        if stops != self._stops:
            self._stops = stops
            motion.stop(self._control.stop_reason() or "stopped")
        if self.stop_wanted:
            self.stop_wanted = False
            motion.stop("stopped by a signal to the loop")
        player = motion.player
        if player is None:
            return
        if self._mailbox.closed:
            motion.stop("the bridge died")
        if self._control.word(ABORT) >= player.motion_id:
            motion.abort("the execution was cancelled")
        if self._control.word(TOKEN + self._number) != player.token:
            motion.abort("the lease under which it ran has ended")
        if any(self._control.word(FAULTED + bus) == player.motion_id for bus in self._others):
            motion.abort("another bus gave the motion up")
