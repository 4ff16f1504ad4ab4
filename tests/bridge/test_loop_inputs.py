"""The poller of digital inputs in virtual time, and what a cell says about it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from handrail_bridge.loop.control import Control
from handrail_bridge.loop.inputs import FAULTS, Poller, run
from handrail_bridge.loop.opening import TRIES, patiently
from handrail_bridge.loop.port import LONGEST_WAIT_NS
from handrail_bridge.loop.settings import InputConfig, input_configs, loop_configs
from handrail_drivers.errors import BusLost, HandrailError, InputFault, InvalidValue, UnknownName
from handrail_drivers.reflex import Signal
from handrail_sim.cell import Cell
from handrail_sim.cell_file import load_cell
from loop_rig import VirtualClock

MS = 1_000_000
LOST = BusLost("The port is gone.", subject="box")
SILENT = InputFault("box did not answer.", subject="box")
CONFIG = InputConfig(
    device="box", driver="numato_gpio", settings={}, rate=100, signals={"stop": 3, "door": 7}
)


class Box:
    """An input device that fails as it is told; a reading takes a millisecond."""

    inputs = ("stop", "door")

    def __init__(self, clock: VirtualClock) -> None:
        self.levels = {"stop": True, "door": False}
        self.connecting: HandrailError | None = None
        self.reading: HandrailError | None = None
        self.connected: list[int] = []  # when it was tried [ns]
        self.read: list[int] = []
        self.is_open = False
        self._clock = clock

    def connect(self) -> None:
        self.is_open = True
        self.connected.append(self._clock.now_ns())
        if self.connecting:
            raise self.connecting

    def read_inputs(self) -> dict[str, bool]:
        self.read.append(self._clock.now_ns())
        self._clock.sleep_until(self._clock.now_ns() + MS)
        if self.reading:
            raise self.reading
        return self.levels

    def close(self) -> None:
        self.is_open = False


@pytest.fixture
def clock() -> VirtualClock:
    made = VirtualClock(lambda _: None)
    made.sleep_until(1000 * MS)
    return made


@pytest.fixture
def box(clock: VirtualClock) -> Box:
    return Box(clock)


@pytest.fixture
def control() -> Iterator[Control]:
    made = Control.create()
    yield made
    made.close()


@pytest.fixture
def poll(clock: VirtualClock, box: Box, control: Control) -> Callable[[int], None]:
    """Poll for some milliseconds."""
    poller = Poller(CONFIG, clock, control, lambda: box)
    poller.open()

    def for_ms(duration: int) -> None:
        until = clock.now_ns() + duration * MS
        run(poller, clock, CONFIG.period_ns, lambda: clock.now_ns() >= until)

    return for_ms


def test_levels_come_at_the_rate_with_the_time_at_which_they_were_asked_for(
    poll: Callable[[int], None], box: Box, control: Control
) -> None:
    poll(100)
    assert box.read == [(1000 + 10 * n) * MS for n in range(10)]
    assert control.signal(3) == Signal(1.0, 1090 * MS)
    assert control.signal(7) == Signal(0.0, 1090 * MS)
    box.levels = {"stop": False, "door": True}
    poll(10)
    assert control.signal(3) == Signal(0.0, 1100 * MS)
    assert control.signal(7) == Signal(1.0, 1100 * MS)


def test_a_stall_skips_readings_and_never_bursts(
    poll: Callable[[int], None], box: Box, clock: VirtualClock
) -> None:
    read = box.read_inputs

    def stalls() -> dict[str, bool]:
        levels = read()
        if len(box.read) == 3:
            clock.sleep_until(clock.now_ns() + 35 * MS)
        return levels

    box.read_inputs = stalls  # type: ignore[method-assign]
    poll(100)
    assert [ns // MS - 1000 for ns in box.read] == [0, 10, 20, 60, 70, 80, 90]


def test_a_fault_or_two_are_borne_and_the_old_level_stays_with_its_age(
    poll: Callable[[int], None], box: Box, control: Control
) -> None:
    poll(10)
    box.reading = SILENT
    poll(10 * (FAULTS - 1))
    assert box.is_open
    assert control.signal(3) == Signal(1.0, 1000 * MS)
    box.reading = None
    poll(10)
    assert control.signal(3) == Signal(1.0, 1030 * MS)
    assert len(box.connected) == 1


@pytest.mark.parametrize(("error", "readings"), [(LOST, 1), (SILENT, FAULTS)])
def test_a_lost_device_is_sought_ever_less_often_and_found_again(
    poll: Callable[[int], None], box: Box, control: Control, error: HandrailError, readings: int
) -> None:
    poll(10)
    box.reading = box.connecting = error
    poll(10_000)
    assert not box.is_open
    assert len(box.read) == 1 + readings
    tries = box.connected[1:]
    waits = [b - a for a, b in itertools.pairwise(tries)]
    assert waits[0] < waits[1] < waits[2]
    assert LONGEST_WAIT_NS <= waits[-1] <= LONGEST_WAIT_NS + CONFIG.period_ns
    assert control.signal(3) == Signal(1.0, 1000 * MS), "no level is told that was not read"

    box.reading = box.connecting = None
    poll(LONGEST_WAIT_NS // MS + 20)
    fresh = control.signal(3)
    assert fresh is not None
    assert fresh.time_ns == box.read[-1] > 11_000 * MS


def test_what_cannot_be_opened_is_closed_again(clock: VirtualClock, control: Control) -> None:
    box = Box(clock)
    box.connecting = LOST
    with pytest.raises(BusLost):
        Poller(CONFIG, clock, control, lambda: box).open()
    assert not box.is_open


@pytest.mark.parametrize(("error", "tries"), [(SILENT, TRIES), (LOST, 1)])
def test_at_the_start_it_is_asked_again_and_a_port_that_is_gone_is_not(
    clock: VirtualClock, control: Control, error: HandrailError, tries: int
) -> None:
    box = Box(clock)
    box.connecting = error
    with pytest.raises(type(error)):
        patiently(Poller(CONFIG, clock, control, lambda: box).open)
    assert len(box.connected) == tries


# --- the cell's part ---------------------------------------------------------------------------


def desk(reflexes: dict[str, dict[str, object]] | None = None, inputs: int = 1) -> Cell:
    """The desk with other reflexes, and a button box with so many inputs."""
    cell = load_cell("desk")
    names = {"emergency_stop": 0, **{f"spare_{n}": n for n in range(1, inputs)}}
    settings = {"port": "/dev/ttyACM1", "ports": 128, "inputs": names}
    button = cell.devices["button"].model_copy(update={"settings": settings})
    devices = {**cell.devices, "button": button}
    chosen = cell.reflexes if reflexes is None else reflexes
    return cell.model_copy(update={"devices": devices, "reflexes": chosen})


def test_every_input_has_a_number_and_loops_look_at_those_of_reflexes_alone() -> None:
    cell = desk(inputs=3)
    (polled,) = input_configs(cell, {"button": "/dev/pts/7"})
    assert polled.device == "button"
    assert polled.settings["port"] == "/dev/pts/7"
    assert polled.rate == 100
    assert sorted(polled.signals.values()) == [0, 1, 2]
    (watched,) = loop_configs(cell, {})[0].signals
    assert watched == "button.emergency_stop"
    assert polled.signals["emergency_stop"] == 0


def test_an_input_that_no_device_has_is_refused_with_those_that_are() -> None:
    rule = {"kind": "digital_input", "signal": "button.emergncy_stop", "age": 0.1}
    with pytest.raises(UnknownName, match=r"button\.emergency_stop"):
        input_configs(desk({"stop": rule}), {})


def test_more_inputs_than_the_page_has_are_refused() -> None:
    assert len(input_configs(desk(inputs=64), {})[0].signals) == 64
    with pytest.raises(InvalidValue, match="too many"):
        input_configs(desk(inputs=65), {})
