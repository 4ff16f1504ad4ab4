"""Modules that share one desk: each gets it armed and at home, every thing where it lay first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from desk_of_tests import changes
from modbus_peer import OpenPeer, Unit
from running_cell import RunningCell, twin_and_wires
from shared_cell import SharedCell


@pytest.fixture(scope="package")
def scale_peer() -> Iterator[OpenPeer]:
    """What the device ``scale`` speaks to; its zero is not the safe one until a bridge starts."""
    with contextlib.closing(OpenPeer(u1=Unit({0: 0, 1: 250, 2: 99}))) as peer:
        yield peer


@pytest.fixture(scope="package")
def desk(scale_peer: OpenPeer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedCell]:
    """The desk that goes from module to module."""
    changed = changes(tmp_path_factory.mktemp("maps"), scale_peer.address)
    with SharedCell(lambda: twin_and_wires(*changed)) as desk:
        yield desk


@pytest.fixture(scope="module")
def cell(desk: SharedCell) -> RunningCell:
    """The desk, tidied up after the module before."""
    return desk.as_at_first()


@pytest.fixture
def scale(scale_peer: OpenPeer) -> Unit:
    """The Modbus unit behind the device ``scale``."""
    return scale_peer.units[1]
