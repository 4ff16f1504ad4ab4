"""What others tell the loop between two ticks, and what it tells the other buses' loops."""

from __future__ import annotations

from handrail_bridge.loop.control import ABORT, FAULTED, SCALE, STOPS, TOKEN, Control
from handrail_bridge.loop.mailbox import Mailbox
from handrail_bridge.loop.motion import Motion
from handrail_bridge.loop.settings import LoopConfig

THOUSAND = 1000  # of a speed scale, as others read it


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
        slow = max((self._control.word(SCALE + bus) for bus in self._others), default=0)
        motion.others_scale = 1.0 - slow / THOUSAND
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

    def tell(self, motion: Motion) -> None:
        """Tell the other buses' loops that a motion they share goes slower, or does not go on."""
        if not self._others:
            return
        slow = round(THOUSAND * (1.0 - motion.speed_scale))
        self._control.set_word(SCALE + self._number, slow)
        player, ended = motion.player, motion.ended
        if player is not None and motion.slowing:
            self._control.set_word(FAULTED + self._number, player.motion_id)
        elif player is None and not ended.completed:
            self._control.set_word(FAULTED + self._number, ended.motion_id)
