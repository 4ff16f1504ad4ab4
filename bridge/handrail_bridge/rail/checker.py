"""The checker as a process of its own: MuJoCo never runs inside the server.

The worker is niced, dies with the bridge, and is replaced when it dies or hangs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from handrail_drivers.errors import ProcessLost, Refused
from handrail_sim.cell import Cell
from handrail_sim.plan import Plan
from handrail_sim.verdict import ObjectBelief, StartState, Verdict

WAITING = 8  # checks in line, the running one included; the operator waits in none
START = 60.0  # s to import MuJoCo and compile the world
CHECK = 60.0  # s
QUESTION = 5.0  # s
END = 5.0  # s for a killed worker to be gone
LOOK = 0.01  # s between two looks whether it is


class CheckerProcess:
    """One worker process that holds a Checker of the cell."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._in_line = 0
        self._line = asyncio.Lock()  # of checks: one of them at a time is next
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "checker")  # clients' calls do not keep it waiting

    def spawn(self) -> None:
        """Spawn the worker; :meth:`ready` waits for it, and others can start meanwhile."""
        ours, theirs = socket.socketpair()
        with theirs:
            end = theirs.fileno()
            self._process = subprocess.Popen(  # on this thread, with which the worker dies
                [sys.executable, "-m", f"{__package__}.check_process", str(end), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                pass_fds=(end,),
                start_new_session=True,  # Ctrl-C is the bridge's to act on
            )
        self._pipe = Connection(ours.detach())
        with contextlib.suppress(OSError):  # it has ended: whoever awaits it hears so
            self._pipe.send(self._cell)

    async def ready(self) -> Connection:
        """Wait until its world stands; return its pipe.

        Raises:
            ProcessLost: it died, or was not spawned.
            HandrailError: what is wrong with the world.
        """
        if self._pipe is None:
            raise ProcessLost("The process that checks plans was not started.")
        await self._answer(self._pipe, START)
        return self._pipe

    async def check(self, plan: Plan, start: StartState, ahead: bool = False) -> Verdict:
        """Check a plan, in its turn; or ``ahead`` of all that wait, as the operator's.

        Raises:
            Refused: too many wait already.
            ProcessLost: the worker died or hung; it is replaced then.
        """
        if ahead:
            first: Verdict = await asyncio.shield(self._exchange(CHECK, "check", plan, start))
            return first
        if self._in_line >= WAITING:
            raise Refused(
                f"{WAITING} checks are waiting already.", limit=WAITING, hint="try again later"
            )
        # Shielded: an asker who gives up must not leave its answer to the next one.
        verdict: Verdict = await asyncio.shield(self._in_turn(plan, start))
        return verdict

    async def hold_command(
        self, position: tuple[float, ...], objects: dict[str, ObjectBelief]
    ) -> tuple[float, ...]:
        """Return measured positions [rad] plus load compensation, in bus order.

        What is held of the ``objects`` is carried, too. At most one check comes before it.

        Raises:
            ProcessLost: as :meth:`check`.
        """
        asked = self._exchange(QUESTION, "hold_command", position, objects)
        command: tuple[float, ...] = await asyncio.shield(asked)
        return command

    def close(self) -> None:
        """End the worker and wait for it; nothing can be asked afterwards."""
        self._end_worker()
        self._thread.shutdown(wait=False)

    def _end_worker(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()

    async def _in_turn(self, plan: Plan, start: StartState) -> Any:
        self._in_line += 1
        try:
            async with self._line:
                return await self._exchange(CHECK, "check", plan, start)
        finally:
            self._in_line -= 1

    async def _exchange(self, timeout: float, method: str, *arguments: Any) -> Any:
        async with self._turn:
            pipe = await self._worker()
            try:
                pipe.send((method, arguments))
            except OSError:
                raise await self._lost("died") from None
            return await self._answer(pipe, timeout)

    async def _worker(self) -> Connection:
        if self._pipe is None or not self._alive():
            self._end_worker()
            self.spawn()
            return await self.ready()
        return self._pipe

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def _answer(self, pipe: Connection, timeout: float) -> Any:
        """Wait for the worker in a thread; killing the worker ends the thread's wait."""
        waiting = asyncio.get_running_loop().run_in_executor(self._thread, pipe.recv)
        done, _ = await asyncio.wait({waiting}, timeout=timeout)
        if not done:
            lost = await self._lost(f"did not answer within {timeout:g} s")
            await asyncio.gather(waiting, return_exceptions=True)
            raise lost
        try:
            answer = waiting.result()
        except (EOFError, OSError):
            raise await self._lost("died") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _lost(self, what: str) -> ProcessLost:
        """End the worker; once it is gone, the next question starts another one."""
        if self._process is not None:
            self._process.kill()
        deadline = time.monotonic() + END
        while self._alive() and time.monotonic() < deadline:  # noqa: ASYNC110 # a process sets no event
            await asyncio.sleep(LOOK)
        return ProcessLost(
            f"The process that checks plans {what}; another one takes its place.",
            hint="check the plan again",
        )
