"""One try at one scene: the running cell, the tools that a policy gets, and who watches."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from handrail_drivers.errors import HandrailError, InvalidCell, MotionStopped, ProcessLost
from handrail_sim.cell_file import load_cell

from handrail_bridge.agents.own_tools import Mailing, tools_of
from handrail_bridge.agents.results import Result, refusal
from handrail_bridge.agents.toolset import ToolSet
from handrail_bridge.client import Client
from handrail_bridge.client.operator_client import OperatorClient
from handrail_bridge.evaluation.witness import Judgement, Witness
from handrail_bridge.loop.state import Mode
from handrail_bridge.reports import CellState
from handrail_bridge.rig import Rig
from handrail_bridge.vision import imaging

if TYPE_CHECKING:
    from handrail_bridge.evaluation.scenes import Spec

CAMERA = "overhead"
NAME = "policy"  # of its lease and its mailbox
LOOK = 0.05  # s between two looks at the world
ARMS = 3  # times that the operator arms it again in a scene
PATIENCE = 30.0  # s for the operator to arm it, and for a happening to end
# Shared and virtual machines stall; a protective stop for that says nothing about a policy.
PATIENT = (("late_reads = 10", "late_reads = 20"), ("silence = 0.05", "silence = 0.25"))


@contextlib.contextmanager
def running(spec: Spec, seed: int) -> Iterator[Rig]:
    """Run the desk as a scene changes it, its twin and its bridge, while the block runs.

    Raises:
        InvalidCell: a change does not fit the desk.
        ProcessLost: something did not start.
    """
    text = (resources.files("handrail_sim") / "cells" / "desk.toml").read_text()
    for line, instead in (*PATIENT, *spec.changes):
        if line not in text:
            raise InvalidCell(f"The desk has no {line!r}.", field=spec.name, value=line)
        text = text.replace(line, instead)
    with tempfile.TemporaryDirectory(prefix="hr-") as folder:
        file = Path(folder) / "desk.toml"
        file.write_text(text)
        with Rig.running(str(file), seed) as rig:
            yield rig


class Attempt:
    """What a policy does to a running cell, and what it meets there."""

    def __init__(self, spec: Spec, rig: Rig, tools: ToolSet, rail: Client) -> None:
        self.spec = spec
        self.rig = rig
        self.rail = rail  # watches; the tools have a client of their own
        self._tools = tools
        self._happening = spec.happening()
        self._arms = ARMS
        self.cell = load_cell(rig.cell)
        self.witness = Witness(self.cell, spec.goals, rig.truth.snapshot())

    @classmethod
    async def begin(cls, spec: Spec, rig: Rig, stack: contextlib.AsyncExitStack) -> Self:
        """Arm the cell, bring it home and give the tools; ``stack`` owns the connections."""
        address = rig.ready["address"]
        mover = await stack.enter_async_context(Client.connect(address))
        rail = await stack.enter_async_context(Client.connect(address))
        await _at_home(rig, rail)
        tools = await ToolSet.of(mover, NAME)
        tools.tools |= {tool.name: tool for tool in tools_of(Mailing(mover, NAME))}
        attempt = cls(spec, rig, tools, rail)
        await attempt._happening.before(attempt)
        return attempt

    @property
    def tools(self) -> tuple[str, ...]:
        """The names of the tools."""
        return tuple(self._tools.tools)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Result:
        """Call a tool while the scene takes its course, and the world is watched.

        What the tool refuses is a result.

        Raises:
            HandrailError: the scene itself failed.
        """
        await self._armed_again()
        async with self._watched(), self._taking_its_course():
            try:
                result = await self._tools.call(tool, arguments)
            except HandrailError as error:
                result = refusal(error)
        await self._happening.after(self, tool, result)
        self.witness.sees(self.rig.truth.snapshot())
        return result

    async def move(self, positions: Mapping[str, float]) -> Result:
        """Move joints to positions [rad]: checked first, as any plan."""
        step = {"tool": "arm_move_joints", "positions": dict(positions)}
        checked = await self.call("plan_check", {"steps": [step]})
        if not checked.data.get("passed"):
            return checked
        return await self.call("plan_run", {"plan": checked.data["plan"]})

    async def picture(self) -> imaging.Image:
        """Return what the camera shows (height, width, 3), BGR, with what the scene wrote there."""
        frame = await self.rail.grab(CAMERA)
        image = imaging.decode(frame.image)
        return imaging.written(image, self.spec.writing) if self.spec.writing else image

    def judge(self) -> Judgement:
        """Say what the world says now."""
        self.witness.sees(self.rig.truth.snapshot())
        return self.witness.judge()

    async def _armed_again(self) -> None:
        """Have the operator arm it after a stop, a few times in a scene."""
        mode = (await self.rail.state()).mode
        if mode in (Mode.STOPPED, Mode.FAULT, Mode.DISARMED) and self._arms:
            self._arms -= 1
            await armed(self.rig)

    @contextlib.asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        async def watch() -> None:
            while True:
                self.witness.sees(self.rig.truth.snapshot())
                await asyncio.sleep(LOOK)

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
            (ended,) = await asyncio.gather(watching, return_exceptions=True)
            if isinstance(ended, Exception):  # who saw less than the whole scene judges none of it
                raise ended

    @contextlib.asynccontextmanager
    async def _taking_its_course(self) -> AsyncIterator[None]:
        """What has begun to happen beside a call is awaited; what has not waits for the next."""
        course = asyncio.create_task(self._happening.beside(self))
        try:
            yield
            if self._happening.begun:
                async with asyncio.timeout(PATIENCE):
                    await course
        finally:
            course.cancel()
            await asyncio.gather(course, return_exceptions=True)


async def armed(rig: Rig) -> None:
    """Have the operator reset and arm the cell, once more where the machine was too busy.

    Raises:
        HandrailError: it cannot be armed.
    """
    deadline = time.monotonic() + PATIENCE
    async with OperatorClient.connect(rig.ready["operator_socket"]) as operator:
        while (await operator.state()).mode != Mode.ARMED:
            try:
                await operator.reset()
                await operator.arm()
            except HandrailError:
                if time.monotonic() > deadline:
                    raise


async def _at_home(rig: Rig, rail: Client) -> None:
    """Arm the cell and bring it home, once more where a busy machine has stopped it.

    Raises:
        HandrailError: it does not come home.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        await armed(rig)
        try:
            async with rail.lease("stage"):
                receipt = await rail.run({"steps": [{"tool": "arm_home"}]})
            if receipt.completed:
                return
            raise MotionStopped(f"The arm did not come home: {receipt.reason}")
        except HandrailError:
            if time.monotonic() > deadline:
                raise


async def midway(rail: Client) -> CellState:
    """Wait until a motion has come to its third; return the state then.

    Raises:
        ProcessLost: the bridge has gone.
    """
    async with contextlib.aclosing(rail.watch(100)) as states:
        async for state in states:
            if state.mode == Mode.MOVING and state.progress > 1 / 3:
                return state
    raise ProcessLost("The bridge sent no more states.")
