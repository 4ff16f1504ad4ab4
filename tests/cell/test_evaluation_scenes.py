"""The evaluation's scenes, all of them, by a policy that should do them and one that should not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import inspect_robots
import pytest
from handrail_bridge.evaluation.scenes import SCENES


def scores(folder: Path, policy: str) -> dict[str, Any]:
    (log,) = inspect_robots.eval(
        "handrail-desk", policy, "handrail_desk", log_dir=str(folder), seed=1
    )
    assert log.status == "success", log.error
    assert log.results is not None
    return {one.scene_id: one.reduced for one in log.samples}


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_scene_can_be_done_and_none_by_luck(tmp_path: Path) -> None:
    """The rail keeps even the careless from harm; what it did not do, it did not do."""
    careful = scores(tmp_path, "handrail_careful")
    assert careful == {
        spec.name: {"handrail_done": 1.0, "handrail_unharmed": 1.0} for spec in SCENES
    }
    careless = scores(tmp_path, "handrail_careless")
    assert {name for name, one in careless.items() if one["handrail_done"]} == {"plain"}
    assert all(one["handrail_unharmed"] for one in careless.values())
