"""``handrail up``: this process is the bridge. With ``--sim`` it starts the cell's twin, too."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from handrail_drivers.errors import InvalidRequest
from handrail_sim.lifeline import die_with

from handrail_bridge.cli.output import Json, console, emit, escape
from handrail_bridge.parsing import require_name

if TYPE_CHECKING:
    from handrail_sim.cell import Cell

    from handrail_bridge.bridge import Ready

CellName = Annotated[str, typer.Argument(metavar="CELL", help="a TOML file, or `desk`")]


def up(
    cell: CellName,
    sim: Annotated[bool, typer.Option("--sim", help="run on the cell's twin")] = False,
    seed: Annotated[int, typer.Option(help="of the twin's hidden draw")] = 0,
    wire: Annotated[
        list[str] | None, typer.Option(help="DEVICE=PORT instead of the cell's")
    ] = None,
    camera: Annotated[
        list[str] | None, typer.Option(help="DEVICE=URL instead of the cell's")
    ] = None,
    listen: Annotated[str, typer.Option(help="HOST:PORT for agents, loopback")] = "127.0.0.1:0",
    parent: Annotated[int | None, typer.Option(hidden=True, help="end with this process")] = None,
    as_json: Json = False,
) -> None:
    """Run the bridge of a cell, on hardware or on its twin, until Ctrl-C."""
    os.environ["MUJOCO_GL"] = "disable"  # nothing is rendered here: no display is looked for
    import uvloop
    from handrail_sim.cell_file import load_cell, require_movable
    from handrail_sim.twin.launch import Twin  # MuJoCo: `handrail stop` must not wait for it

    if parent is not None:
        die_with(parent, signal.SIGTERM)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    loaded = load_cell(cell)
    require_movable(loaded)
    wires, urls = assignments(wire or [], "wire"), assignments(camera or [], "camera")
    _require_devices(loaded, {**wires, **urls})
    with contextlib.ExitStack() as stack:
        if sim:
            twin = Twin.start(cell, seed=seed)
            stack.callback(twin.close)
            shown = {name: url for name, url in twin.urls.items() if name in loaded.devices}
            wires, urls = {**twin.links, **wires}, {**shown, **urls}
        uvloop.run(_serve(loaded, wires, urls, listen, as_json))


def assignments(given: list[str], option: str) -> dict[str, str]:
    """Return ``["arm_bus=/dev/pts/5"]`` as a dict."""
    pairs = [part.partition("=") for part in given]
    for name, sign, value in pairs:
        if not (name and sign and value):
            raise InvalidRequest(
                f"--{option} is given as DEVICE=VALUE.", field=option, value=f"{name}{sign}{value}"
            )
    return {name: value for name, _, value in pairs}


def _require_devices(cell: Cell, given: Mapping[str, str]) -> None:
    for name in given:
        require_name("device", name, cell.devices, name)


async def _serve(
    cell: Cell, wires: Mapping[str, str], urls: Mapping[str, str], listen: str, as_json: bool
) -> None:
    from handrail_bridge import bridge  # MuJoCo, as above

    leave = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, leave.set)
    async with bridge.running(cell, wires, urls, listen) as ready:
        emit(_announcement(ready, wires, urls), as_json, lambda _: _show(ready))
        await leave.wait()


def _announcement(
    ready: Ready, wires: Mapping[str, str], urls: Mapping[str, str]
) -> dict[str, Any]:
    state = ready.rail.state()
    return {
        "cell": ready.cell,
        "address": ready.address,
        "operator_socket": str(ready.operator_socket),
        "wires": dict(wires),
        "urls": dict(urls),
        "mode": state.mode,
        "reason": state.reason,
        "notices": ready.notices,
    }


def _show(ready: Ready) -> None:
    state = ready.rail.state()
    console.print(f"[bold]{ready.cell}[/] is up: agents on {ready.address}")
    console.print(f"  operator on {ready.operator_socket}")
    reason = f": {escape(state.reason)}" if state.reason else ""
    console.print(f"  {state.mode.name.lower()}{reason}")
    for notice in ready.notices:
        console.print(f"  [yellow]note[/] {escape(notice)}")
    console.print("  next: [bold]handrail arm[/], then [bold]handrail tools[/]; Ctrl-C ends it")
