"""Shared by the tests of the twin."""

from __future__ import annotations

import tomllib
from pathlib import Path

import handrail_sim
import pytest
from handrail_sim.cell import Cell

DESK = Path(handrail_sim.__file__).parent / "cells" / "desk.toml"


@pytest.fixture(scope="session")
def cell() -> Cell:
    """The desk, as its file says."""
    return Cell.model_validate(tomllib.loads(DESK.read_text()))
