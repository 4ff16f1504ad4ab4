"""The safekeeper: safe values are written where the bridge cannot, and only there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from handrail_bridge.safekeeper import process
from handrail_bridge.safekeeper.charges import Charge, ward
from handrail_bridge.safekeeper.link import Safekeeper, charges
from handrail_bridge.safekeeper.process import Keeper, Watchman, outlive
from handrail_drivers.errors import ProcessLost
from handrail_sim.cell import Cell, Device, WithoutPower
from handrail_sim.cell_file import load_cell
from modbus_belt import BELT
from modbus_peer import TcpPeer, Unit
from test_devices import Bench
from waiting import until

DEADLINE = 20.0  # s
RUNNING, SAFE = {0: 250, 1: 5}, {0: 0, 1: 0}


@pytest.fixture
def unit() -> Unit:
    return Unit(dict(RUNNING))


@pytest.fixture
def peer(unit: Unit) -> Iterator[TcpPeer]:
    found = TcpPeer(u1=unit)
    yield found
    found.close()


@pytest.fixture
def cell(peer: TcpPeer, tmp_path: Path) -> Cell:
    """The desk with a belt that has safe values."""
    (tmp_path / "map.toml").write_text(BELT)
    settings = {"map": str(tmp_path / "map.toml"), "tcp": peer.address}
    settings |= {"timeout": 0.1, "retries": 0}
    belt = Device(driver="modbus", without_power=WithoutPower.HOLDS, settings=settings)
    desk = load_cell("desk")
    return desk.model_copy(update={"devices": {**desk.devices, "belt": belt}})


@pytest.fixture
def keeper(cell: Cell) -> Iterator[Keeper]:
    found = Keeper([ward(charge) for charge in charges(cell, {})])
    yield found
    found.end()


class Beat:
    """The bridge's signs of life, and what it is told."""

    def __init__(self, keeper: Keeper) -> None:
        self.last = time.monotonic()
        self.told: list[str] = []
        self.watchman = Watchman(keeper, lambda: self.last, 5.0, self.told.append)

    def stop(self) -> None:
        self.last -= 10.0

    def go_on(self) -> None:
        self.last = time.monotonic()


def test_only_what_the_bridge_brings_to_rest_is_kept(cell: Cell) -> None:
    assert [charge.name for charge in charges(cell, {"belt": "127.0.0.1:1"})] == ["belt"]
    assert charges(cell, {"belt": "127.0.0.1:1"})[0].settings["tcp"] == "127.0.0.1:1"
    assert charges(load_cell("desk"), {}) == (), "scales have no safe values"


def test_a_bridge_that_lives_is_left_its_lines(keeper: Keeper, peer: TcpPeer) -> None:
    Beat(keeper).watchman.look()
    assert not keeper.acts
    assert peer.connections == 0


def test_while_a_bridge_stands_still_its_devices_are_safe(keeper: Keeper, unit: Unit) -> None:
    beat = Beat(keeper)
    for _ in range(2):  # and every time that it does so
        beat.stop()
        beat.watchman.look()
        until(lambda: not keeper.owed)
        assert unit.registers == SAFE
        beat.watchman.look()
        assert beat.told == []
        beat.go_on()
        beat.watchman.look()
        (told,) = beat.told
        assert "stood still" in told
        assert not keeper.acts
        unit.registers.update(RUNNING)  # by the bridge
        beat.watchman.look()
        assert unit.registers == RUNNING
        beat.told.clear()


def test_one_that_does_not_answer_is_tried_until_it_does(keeper: Keeper, unit: Unit) -> None:
    unit.tricks = ["silent"] * 5
    outlive(keeper, lambda: False)
    assert unit.registers == SAFE
    assert not unit.tricks


def test_the_next_bridge_takes_over(keeper: Keeper, unit: Unit) -> None:
    unit.deaf = True
    outlive(keeper, lambda: True)
    asked = len(unit.asked)
    unit.deaf = False
    assert not keeper.acts
    assert unit.registers == RUNNING, "that one writes them"
    assert len(unit.asked) == asked


def test_one_that_is_away_for_good_is_given_up(
    keeper: Keeper,
    unit: Unit,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(process, "PATIENCE", 0.0)
    unit.deaf = True
    outlive(keeper, lambda: False)
    assert "belt has not got its safe values" in caplog.text


def test_what_its_own_driver_stops_is_stopped(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.supply.exchanges(b"OUTP ON\n", None)
    settings = {"port": str(bench.terminal.link), "most_voltage": 30.0, "most_current": 2.0}
    charge = Charge(name="psu", driver="scpi_supply", settings=settings)
    try:
        bench.pull()
        keeper = Keeper([ward(charge)])
        keeper.begin("test")
        until(lambda: "There is no port" in keeper.owed)
        bench.plug()
        until(lambda: not keeper.owed)
        assert bench.supply.outputs()["on"] == 0.0
        keeper.end()
    finally:
        bench.close()


async def test_a_farewell_ends_it_and_writes_nothing(cell: Cell, unit: Unit) -> None:
    keeper = Safekeeper.start(cell, charges(cell, {}))
    await keeper.ready()
    await keeper.close()
    assert unit.asked == []


async def test_a_pipe_that_ends_without_one_is_a_dead_bridge(
    cell: Cell, unit: Unit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # where no bridge of this cell runs
    keeper = Safekeeper.start(cell, charges(cell, {}))
    await keeper.ready()
    keeper._process.stdin.close()
    await asyncio.to_thread(keeper._process.wait, DEADLINE)
    assert unit.registers == SAFE
    keeper._process.stdin = None
    await keeper.close()


async def test_what_a_bridge_could_not_write_at_its_end_is_left_to_it(
    cell: Cell, unit: Unit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))  # where no bridge of this cell runs
    keeper = Safekeeper.start(cell, charges(cell, {}))
    await keeper.ready()
    await keeper.close("belt has not got its safe values.")
    await asyncio.to_thread(keeper._process.wait, DEADLINE)
    assert unit.registers == SAFE


async def test_a_cell_is_told_again_and_again_that_its_safekeeper_is_dead(cell: Cell) -> None:
    """A reset alone does not help: nobody would write the safe values."""
    told: asyncio.Queue[str] = asyncio.Queue()
    keeper = Safekeeper.start(cell, charges(cell, {}))
    await keeper.ready()
    keeper.watch(told.put_nowait)
    keeper._process.kill()
    async with asyncio.timeout(DEADLINE):
        assert [await told.get() for _ in range(2)] == 2 * [
            "The safekeeper is dead: restart the bridge"
        ]
    keeper.mute()
    await keeper.close()


async def test_one_that_cannot_keep_says_why(cell: Cell) -> None:
    wrong = Charge(name="belt", driver="modbos", settings={})
    keeper = Safekeeper.start(cell, (wrong,))
    with pytest.raises(ProcessLost, match="modbos"):
        await keeper.ready()
    await keeper.close()
