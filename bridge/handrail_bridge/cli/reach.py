"""Which running bridge a command speaks to: the only one, or the one of a cell."""

from __future__ import annotations

from typing import Annotated

import typer

from handrail_bridge import run_dir
from handrail_bridge.client import Client
from handrail_bridge.client.operator_client import OperatorClient

OfCell = Annotated[
    str | None, typer.Option("--cell", metavar="NAME", help="whose bridge, where several run")
]


def agent(cell: str | None) -> Client:
    """Return a client of a cell's bridge in the agent's role; None: of the only bridge."""
    return Client.connect(run_dir.running(cell).address)


def operator(cell: str | None) -> OperatorClient:
    """Return a client of a cell's bridge in the operator's role; None: of the only bridge."""
    return OperatorClient.connect(run_dir.running(cell).operator_socket)
