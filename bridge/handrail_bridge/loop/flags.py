"""What others tell the loop between two ticks, and what it tells the other buses' loops."""

from __future__ import annotations

import math

from handrail_bridge.loop.control import (
    ABORT,
    ALL_ROWS,
    BEGIN,
    FAULTED,
    HALTED,
    LEASE_UNTIL,
    PROGRESS,
    ROW_BITS,
    SCALE,
    STOPS,
    TOKEN,
    Control,
)
from handrail_bridge.loop.motion import Motion
from handrail_bridge.loop.pipe import Pipe
from handrail_bridge.loop.player import Player
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.state import Mode

THOUSAND = 1000  # of a speed scale, as others read it
APART = 2  # rows between two buses of one motion, beside a tick of the slowest


class Flags:
    """The flags of the control page, of a signal and of the pipe, read on every tick."""

    def __init__(self, config: LoopConfig, control: Control, pipe: Pipe) -> None:
        self._control = control
        self._pipe = pipe
        self._number = config.number
        self._others = [n for n in range(config.buses) if n != config.number]
        self._apart = APART + math.ceil(config.trajectory_rate / config.slowest)
        self._longest_wait = math.ceil(config.heartbeat * config.rate)  # ticks
        self._waited = 0
        self._stops, self._begin = control.word(STOPS), control.word(BEGIN)
        self._halted = any(control.word(HALTED + bus) for bus in self._others)
        self.stop_wanted = False  # a signal asks for a held stop

    def obey(self, motion: Motion, now_ns: int) -> None:
        """Do with the motion what the flags say."""
        self._obey_stops(motion)
        begin = self._control.word(BEGIN)
        if begin != self._begin:
            self._begin = begin
            motion.begin(begin)
        if self._others:
            slow = max(self._control.word(SCALE + bus) for bus in self._others)
            motion.others_scale = 1.0 - slow / THOUSAND
        player = motion.player
        if self._pipe.closed and (player is not None or motion.mode == Mode.DISARMED):
            motion.stop("the bridge died")  # what nobody armed may move, too
        if player is None:
            return
        if self._control.word(ABORT) >= player.motion_id:
            motion.abort("the execution was cancelled")
        self._obey_lease(motion, player, now_ns)
        if self._others:
            self._keep_together(motion, player)

    def _obey_stops(self, motion: Motion) -> None:
        stops = self._control.word(STOPS)
        if stops != self._stops:
            self._stops = stops
            motion.stop(self._control.stop_reason() or "stopped")
        if self.stop_wanted:
            self.stop_wanted = False
            motion.stop("stopped by a signal to the loop")
        if self._others:
            self._stop_together(motion)

    def _stop_together(self, motion: Motion) -> None:
        halted = any(self._control.word(HALTED + bus) for bus in self._others)
        if halted and not self._halted and not motion.halted:
            motion.stop("another bus of the cell was stopped")
        self._halted = halted

    def _obey_lease(self, motion: Motion, player: Player, now_ns: int) -> None:
        if self._control.word(TOKEN + self._number) != player.token:
            motion.abort("the lease under which it ran has ended")
        if self._control.word(LEASE_UNTIL + self._number) <= now_ns:
            motion.abort("the lease under which it ran has lapsed")

    def _keep_together(self, motion: Motion, player: Player) -> None:
        """End the motion where another bus gave it up; have it wait where one is behind."""
        if any(self._control.word(FAULTED + bus) == player.motion_id for bus in self._others):
            motion.abort("another bus gave the motion up")
        words = (self._control.word(PROGRESS + bus) for bus in self._others)
        rows = (word & ALL_ROWS for word in words if word >> ROW_BITS == player.motion_id)
        motion.waits = player.row > min(rows, default=player.row) + self._apart
        self._waited = self._waited + 1 if motion.waits else 0
        if self._waited > self._longest_wait:
            motion.abort("another bus fell behind")

    def tell(self, motion: Motion) -> None:
        """Tell the other buses' loops how far a motion is that they share, and how it fares."""
        if not self._others:
            return
        self._say(SCALE, round(THOUSAND * (1.0 - motion.speed_scale)))
        self._say(HALTED, int(motion.halted))
        player, ended = motion.player, motion.ended
        if player is not None:
            self._say(PROGRESS, player.motion_id << ROW_BITS | player.row)
            if motion.slowing:
                self._say(FAULTED, player.motion_id)
        elif ended.completed:
            self._say(PROGRESS, ended.motion_id << ROW_BITS | ALL_ROWS)
        else:
            self._say(FAULTED, ended.motion_id)

    def _say(self, word: int, value: int) -> None:
        self._control.set_word(word + self._number, value)
