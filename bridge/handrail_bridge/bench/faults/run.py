"""``handrail bench faults``: from the fault to standstill, told by the world itself.

Every class of fault strikes a cell in mid-motion, as often as there are rounds. A round has a
plain stop of the same motion, too: what the arm needs to come to rest when nothing is wrong.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from handrail_sim.cell_file import load_cell, shipped_cells

from handrail_bridge.bench.faults.classes import Fault, faults, plain_stop
from handrail_bridge.bench.faults.summary import Summary, failures, markdown, rows
from handrail_bridge.bench.faults.trial import Outcome, recover, trial
from handrail_bridge.bench.faults.watched_cell import watched
from handrail_bridge.bench.report import Report
from handrail_bridge.rig import Rig

ROUNDS = 3
SEED = 3


def measure(quick: bool = False) -> Report:
    """Strike with every class in every round; ``quick`` makes one round.

    Raises:
        HandrailError: the cell did not come back after a fault.
    """
    rounds = 1 if quick else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        file = watched(Path(folder) / "watched_desk.toml", shipped_cells()["desk"])
        cell = load_cell(file)
        classes = faults(cell)
        references = [plain_stop(cell, is_slow) for is_slow in (False, True)]
        outcomes = _outcomes(file, (*references, *classes), rounds)
    plain, *summaries = [
        Summary(
            fault,
            fault.deadline(cell),
            fault.travel(cell),
            outcomes[fault.name],
            outcomes[reference.name],
        )
        for fault in (references[0], *classes)
        for reference in [references[fault.is_slow]]
    ]
    note = f"{rounds} of each on the twin; the reference is a plain stop of the same motion"
    table = markdown([plain, *summaries], note)
    wrong = failures(summaries)
    return Report("faults", f"{note}\n{wrong}" if wrong else note, rows(summaries), table)


def _tell(fault: Fault) -> None:
    """Say on standard error what takes so long."""
    sys.stderr.write(f"bench faults: {fault.name}\n")


def _outcomes(file: Path, classes: Sequence[Fault], rounds: int) -> dict[str, list[Outcome]]:
    """Return what every class did in every round, by name."""
    cell, at = load_cell(file), random.Random(SEED)
    outcomes: dict[str, list[Outcome]] = {fault.name: [] for fault in classes}
    with Rig.running(str(file), seed=SEED) as rig:
        recover(rig)
        rig.move("arm_home")
        for _ in range(rounds):
            for fault in classes:
                _tell(fault)
                outcomes[fault.name].append(trial(rig, cell, fault, at))
    return outcomes
