"""The bridge's end of one device of digital inputs: its poller's life, and the agents' tool."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Annotated, Self

from handrail_drivers.api import Effect, Unit, tool
from handrail_drivers.errors import StaleReading
from handrail_sim.lifeline import end

from handrail_bridge import own_process
from handrail_bridge.loop.control import Control
from handrail_bridge.loop.settings import InputConfig

START_TIMEOUT = 30.0  # s: importing, opening the port, finding the device
CLOSE_TIMEOUT = 2.0  # s: one reading
OLDEST = 0.5  # s, of a level that is told as the present one


@dataclass(frozen=True, slots=True)
class InputState:
    """One digital input: its level (true is high, a closed contact) and how old the reading is."""

    level: bool
    age: Annotated[float, Unit("s")]


class Inputs:
    """One device of digital inputs.

    It is not started again where it dies: its signals have grown old then, and the reflexes that
    look at them keep the cell stopped until the bridge is restarted.
    """

    def __init__(
        self, config: InputConfig, control: Control, process: subprocess.Popen[bytes]
    ) -> None:
        self._config = config
        self._control = control
        self._process = process

    @classmethod
    def start(cls, config: InputConfig, control: Control) -> Self:
        """Start the poller; :meth:`await_ready` says when its signals are there."""
        arguments = [str(control.fileno), str(os.getpid()), config.model_dump_json()]
        process = subprocess.Popen(
            [sys.executable, "-m", "handrail_bridge.loop.inputs", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=(control.fileno,),
            start_new_session=True,  # Ctrl-C is the bridge's to act on
        )
        return cls(config, control, process)

    def await_ready(self) -> None:
        """Wait until it has written the signals once.

        Raises:
            DeviceFault: what it met at the device.
            ProcessLost: it did not start.
        """
        name = f"poller of {self._config.device}"
        own_process.await_ready(self._process, name, START_TIMEOUT)

    @property
    def pid(self) -> int:
        """The poller's process id."""
        return self._process.pid

    @property
    def notice(self) -> str | None:
        """What everybody should know of it; None where every level is a present one."""
        if self._process.poll() is not None:
            return f"{self._config.device}: not connected, its poller has died: restart the bridge"
        try:
            self.read_inputs()
        except StaleReading as error:
            return f"{self._config.device}: not connected, {error.message}"
        return None

    @tool(Effect.OBSERVE)
    def read_inputs(self) -> dict[str, InputState]:
        """Read the level of every button and switch of this device.

        Raises:
            StaleReading: a level is too old to be told as the present one.
        """
        return {name: self._state(name) for name in self._config.signals}

    def readings(self) -> dict[str, float]:
        """Return the levels that are fresh, 0 or 1, by ``device.input``."""
        found = {}
        for name in self._config.signals:
            with contextlib.suppress(StaleReading):
                found[f"{self._config.device}.{name}"] = float(self._state(name).level)
        return found

    def close(self) -> None:
        """End the poller; may be called again."""
        end(self._process, CLOSE_TIMEOUT)

    def _state(self, name: str) -> InputState:
        signal = self._control.signal(self._config.signals[name])
        age = (time.monotonic_ns() - signal.time_ns) * 1e-9 if signal else float("inf")
        if signal is None or age > OLDEST:
            raise StaleReading(
                f"{self._config.device}.{name} has not been read for {age:.2f} s.",
                subject=self._config.device,
                limit=OLDEST,
                unit="s",
                hint="plug the device in again; if its poller has died, restart the bridge",
            )
        return InputState(signal.value != 0.0, age)
