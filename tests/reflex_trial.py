"""A loop in virtual time that plays a slow sweep under some reflexes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from handrail_bridge.loop.settings import LoopConfig, loop_configs
from handrail_bridge.loop.state import Mode
from handrail_drivers.reflex import Signal
from handrail_sim.cell_file import load_cell
from loop_rig import PlainBus, Rig, sweep

BUTTON = {"kind": "digital_input", "signal": "box.stop", "age": 0.1}
Rules = dict[str, dict[str, Any]]


def config_with(rules: Rules, **changes: Any) -> LoopConfig:
    """The desk's, with these rules alone."""
    cell = load_cell("desk").model_copy(update={"reflexes": rules})
    strict = {"late_reads": 3, "silence": 0.015, **changes}
    return loop_configs(cell, {})[0].model_copy(update=strict)


class Trial:
    """A rig that plays a slow sweep under some rules."""

    def __init__(self, rules: Rules, **changes: Any) -> None:
        self.config = config_with(rules, **changes)
        self.bus = PlainBus(self.config.joints)
        self.rig = Rig(self.config, lambda: self.bus)
        self.bus.now = self.rig.clock.now_ns
        self.rig.lease()

    def signal(self, value: float, name: str = "box.stop") -> None:
        """Say a signal's value now."""
        number = self.config.signals.index(name)
        self.rig.control.put_signal(number, Signal(value, self.rig.clock.now_ns()))

    def begin(self, effort: float | None = None) -> None:
        """Arm and be in mid-motion; ``effort`` [N.m] is what the check is said to predict."""
        self.rig.run(2)
        self.rig.ask("arm", hold=self.bus.position)
        path = sweep(self.bus.position, {0: 0.5}, 800, self.config.rate, self.config.joints)
        if effort is not None:
            whole = np.full_like(path.hold, effort)
            path = replace(path, effort=whole, effort_band=np.full_like(whole, 0.2))
        self.rig.play(path)
        self.rig.run(20)
        assert self.rig.state.mode == Mode.MOVING, self.rig.state

    @property
    def fired(self) -> set[str]:
        """Names of what is latched."""
        return {n for i, n in enumerate(self.config.reflexes) if self.rig.state.fired >> i & 1}

    def reset(self) -> None:
        self.rig.until(lambda state: state.motion_id == 0, 400)
        self.rig.ask("reset")


def too_hot(trial: Trial) -> None:
    trial.rig.tick.port.temperature = (30.0, 30.0, 61.0, 30.0, 30.0, 30.0)
