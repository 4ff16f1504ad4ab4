"""Acts of the operator, over the operator's socket: arm, disarm, reset, lease."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from handrail_bridge import run_dir
from handrail_bridge.cli import reach
from handrail_bridge.cli.output import Json, console, emit, escape, show_state
from handrail_bridge.cli.reach import OfCell
from handrail_bridge.client.operator_client import OperatorClient
from handrail_bridge.reports import CellState, Lease

lease = typer.Typer(no_args_is_help=True, help="Who may move: show it, or take it away.")


def arm(of_cell: OfCell = None, as_json: Json = False) -> None:
    """Hold the arm where it is, ready to play permitted plans."""
    _act(lambda operator: operator.arm(), of_cell, as_json)


def disarm(of_cell: OfCell = None, as_json: Json = False) -> None:
    """Write no more setpoints; torque stays, so that nothing falls."""
    _act(lambda operator: operator.disarm(), of_cell, as_json)


def reset(of_cell: OfCell = None, as_json: Json = False) -> None:
    """Clear a latched stop or fault; the cell is disarmed afterwards."""
    _act(lambda operator: operator.reset(), of_cell, as_json)


def park(of_cell: OfCell = None, as_json: Json = False) -> None:
    """Lower the arm to its rest by a checked plan, then remove torque."""
    cell = run_dir.running(of_cell).cell
    _act(lambda operator: operator.park(cell), cell, as_json)


def remove_torque(
    confirm_cell: Annotated[str, typer.Argument(help="the cell's name: its arm will fall")],
    as_json: Json = False,
) -> None:
    """Remove torque at once: what the cell declares as falling will fall. See also park."""
    _act(lambda operator: operator.remove_torque(confirm_cell), confirm_cell, as_json)


@lease.command("show")
def show_lease(of_cell: OfCell = None, as_json: Json = False) -> None:
    """Print who holds which lease, for how long without a heartbeat, and who waits."""

    async def ask() -> tuple[Lease, ...]:
        async with reach.agent(of_cell) as rail:
            return (await rail.state()).leases

    emit(asyncio.run(ask()), as_json, _show)


@lease.command("revoke")
def revoke_lease(
    reason: Annotated[str, typer.Argument(help="why, for the log")] = "by the operator",
    holder: Annotated[str, typer.Option(help="whose; none named: every lease")] = "",
    of_cell: OfCell = None,
    as_json: Json = False,
) -> None:
    """Take the lease from its holder; what the holder was moving stops."""

    async def ask() -> None:
        async with reach.operator(of_cell) as operator:
            await operator.revoke_lease(reason, holder)

    asyncio.run(ask())
    emit({"revoked": True}, as_json, lambda _: console.print("revoked"))


def _act(
    what: Callable[[OperatorClient], Awaitable[CellState]], of_cell: str | None, as_json: bool
) -> None:
    async def ask() -> CellState:
        async with reach.operator(of_cell) as operator:
            return await what(operator)

    emit(asyncio.run(ask()), as_json, show_state)


def _show(leases: tuple[Lease, ...]) -> None:
    if not leases:
        console.print("nobody may move anything")
    for held in leases:
        console.print(
            f"{escape(held.holder)} may move {', '.join(held.devices)} "
            f"({held.remaining:.1f} s without a heartbeat)"
        )
        if held.waiting:
            console.print(f"  waiting: {escape(', '.join(held.waiting))}")
