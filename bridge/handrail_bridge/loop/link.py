"""The bridge's end of one loop: starts the process, reads its state, asks it things."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Self

from handrail_drivers.api import HoldState
from handrail_drivers.errors import ProcessLost
from handrail_sim.verdict import Trajectory

from handrail_bridge.loop.control import Control
from handrail_bridge.loop.pipe import MESSAGE, decode_error
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.shared import Shared
from handrail_bridge.loop.state import LoopState, Mode

START_TIMEOUT = 30.0  # s: importing, opening the bus, finding every joint
ANSWER_TIMEOUT = 2.0  # s
ARM_TIMEOUT = 10.0  # s: every servo is set up anew, and some answer at a second try
LOAD_TIMEOUT = 5.0  # s: a minute of motion, taken in the slack of ticks that have hardly any
CLOSE_TIMEOUT = 5.0  # s: a held stop, then the end
SILENCE_NS = 1_000_000_000  # ns without a tick: the process is stopped, or hangs


class LoopLink:
    """One loop process."""

    def __init__(
        self,
        config: LoopConfig,
        control: Control,
        shared: Shared,
        end: socket.socket,
        process: subprocess.Popen[bytes],
    ) -> None:
        self._config = config
        self._control = control
        self._shared = shared
        self._end = end
        self._process = process
        self._asking = asyncio.Lock()
        self._asked = 0
        self.refused = ""  # what the machine does not grant a realtime process

    @classmethod
    def start(cls, config: LoopConfig, control: Control) -> Self:
        """Start the loop; :meth:`await_ready` before anything else is asked of it."""
        shared = Shared.create(len(config.joints), config.trajectory_rate)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            ends = (control.fileno, shared.fileno, theirs.fileno())
            process = subprocess.Popen(
                [sys.executable, "-m", f"{__package__}.process", *map(str, ends)],
                stdin=subprocess.DEVNULL,
                pass_fds=ends,
                start_new_session=True,  # Ctrl-C is the bridge's to act on
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},  # it locks what threads would take
            )
        link = cls(config, control, shared, ours, process)
        with contextlib.suppress(OSError):  # it has ended: whoever awaits it hears so
            ours.send(config.model_dump_json().encode())  # waits there until the loop reads it
        return link

    def await_ready(self) -> None:
        """Wait until it has found its joints.

        Raises:
            DeviceFault: what the loop met at the bus.
            ProcessLost: it did not start.
        """
        data = b""
        if select.select([self._end], [], [], START_TIMEOUT)[0]:
            with contextlib.suppress(ConnectionResetError):  # it ended with our message unread
                data = self._end.recv(MESSAGE)
        if not data:
            raise ProcessLost("The loop did not start; its own words are on standard error.")
        self.refused = _result(json.loads(data))["refused"]
        self._end.setblocking(False)

    # --- never waits --------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """The loop's process id."""
        return self._process.pid

    def state(self) -> LoopState:
        """Return the newest state. Where the loop is dead or hangs: its last, as a fault."""
        state = self._shared.state() or LoopState()
        silent = time.monotonic_ns() - state.alive_ns > SILENCE_NS
        if self._process.poll() is None and not silent:
            return state
        return state._replace(
            mode=Mode.FAULT, fault_code=ProcessLost.code, reason=self._lost().message
        )

    # --- questions ------------------------------------------------------------------------------

    async def arm(self, hold: Sequence[float]) -> None:
        """Hold the joints where they are; ``hold`` [rad] is measured plus load compensation.

        Raises:
            Refused, NotArmed: it would jump; or the loop is latched and wants a reset.
            DeviceFault: a joint did not do its part.
        """
        async with self._asking:
            try:
                await self._exchange("arm", ARM_TIMEOUT, hold=list(hold))
            except (ProcessLost, asyncio.CancelledError):
                self._tell("disarm")  # it may be armed yet, and nobody would know
                raise

    async def disarm(self) -> None:
        """Write no more setpoints; torque stays."""
        await self._ask("disarm")

    async def reset(self) -> None:
        """Clear what is latched; disarmed afterwards."""
        await self._ask("reset")

    async def remove_torque(self) -> None:
        """Take torque off every joint."""
        await self._ask("remove_torque")

    async def read_hold(self) -> HoldState:
        """Return goal registers [rad] and torque enable of every joint."""
        answer = await self._ask("read_hold")
        return HoldState(tuple(answer["goal"]), tuple(answer["torque_enabled"]))

    async def load(self, trajectory: Trajectory, motion_id: int, token: int) -> None:
        """Have a trajectory taken, to begin when ``Control.begin`` says; returns once it is.

        Raises:
            NotArmed, LeaseRefused, PermitRefused: the loop's own refusal; nothing moves.
        """
        async with self._asking:
            self._shared.put_trajectory(trajectory)
            try:
                await self._exchange(
                    "play",
                    LOAD_TIMEOUT,
                    motion_id=motion_id,
                    token=token,
                    digest=trajectory.digest(),
                    rows=trajectory.rows,
                    step_rows=list(trajectory.step_rows),
                    policy=asdict(trajectory.policy) if trajectory.policy else None,
                )
            except (ProcessLost, asyncio.CancelledError):
                self._control.abort(motion_id)  # it may be taken yet, and nobody would follow it
                raise

    async def close(self) -> None:
        """End the loop after a held stop; torque stays. May be called again."""
        if self._process.poll() is None:
            self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, CLOSE_TIMEOUT)
        self.kill()

    def kill(self) -> None:
        """End the process if it lives still, and release what it was reached by."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._end.close()
        self._shared.close()

    async def _ask(self, op: str, **arguments: Any) -> Any:
        async with self._asking:
            return await self._exchange(op, ANSWER_TIMEOUT, **arguments)

    def _tell(self, op: str) -> None:
        """Ask what nobody waits for; a loop that is gone needs no telling."""
        with contextlib.suppress(OSError):
            self._end.send(self._question(op))

    def _question(self, op: str, **arguments: Any) -> bytes:
        self._asked += 1
        return json.dumps({"id": self._asked, "op": op, **arguments}).encode()

    async def _exchange(self, op: str, patience: float, **arguments: Any) -> Any:
        message = self._question(op, **arguments)
        try:
            async with asyncio.timeout(patience):
                await asyncio.get_running_loop().sock_sendall(self._end, message)
                return _result(await self._answer())
        except (TimeoutError, OSError):  # its end closes a moment before its status can be had
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, 0.2)
            raise self._lost() from None

    async def _answer(self) -> dict[str, Any]:
        """Return the answer to the last question; late ones to earlier questions are dropped."""
        while data := await asyncio.get_running_loop().sock_recv(self._end, MESSAGE):
            answer: dict[str, Any] = json.loads(data)
            if answer["id"] == self._asked:
                return answer
        raise ConnectionResetError

    def _lost(self) -> ProcessLost:
        status = self._process.poll()
        how = "does not answer" if status is None else f"ended with exit status {status}"
        return ProcessLost(
            f"The loop of {self._config.device} {how}; the arm holds its last setpoint.",
            hint="restart the bridge",
        )


def _result(answer: dict[str, Any]) -> Any:
    if answer.get("error"):
        raise decode_error(answer["error"])
    return answer.get("result")
