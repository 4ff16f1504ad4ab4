"""By which roads a person may approve: the cell says so, and whoever asks cannot."""

from __future__ import annotations

from typing import Any

import pytest
from handrail_bridge.rail.approvals import Approvals
from handrail_bridge.rail.permits import Permits
from handrail_bridge.reports import ELICITATION, OPERATOR, Decision
from handrail_drivers.errors import NotPermittedRole, UnknownName
from handrail_sim.cell_file import load_cell
from handrail_sim.demands import Approval

NOBODY: Any = None


@pytest.mark.parametrize("approve", [True, False])
async def test_an_mcp_client_has_no_say_unless_the_cell_gives_it(approve: bool) -> None:
    cell = load_cell("desk")
    said = Decision(1, "motion", approve, "Ada", road=ELICITATION)
    with pytest.raises(NotPermittedRole, match="does not let the person at an MCP client"):
        await Approvals(cell, NOBODY, Permits.of(cell), NOBODY).decide(said)
    open_to_it = cell.model_copy(update={"approval": Approval(elicitation=True)})
    with pytest.raises(UnknownName):  # nothing waits
        await Approvals(open_to_it, NOBODY, Permits.of(cell), NOBODY).decide(said)
    by_socket = Decision(1, "motion", approve, "Ada", road=OPERATOR)
    with pytest.raises(UnknownName):
        await Approvals(cell, NOBODY, Permits.of(cell), NOBODY).decide(by_socket)
