"""The 2F gripper: it is asked for counts, feels things, and activates itself only if it may."""

from __future__ import annotations

from typing import Any

import pytest
from hand import TRAVEL, Hand
from handrail_drivers.errors import ModbusFault, ModbusSilent, NotReady
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.unit import answer
from handrail_drivers.robotiq import registers as reg
from handrail_drivers.robotiq.driver import Robotiq, RobotiqSettings
from handrail_drivers.robotiq.registers import Command

TICK = 0.02  # s


@pytest.fixture
def hand() -> Hand:
    return Hand()


def opened(hand: Hand, activation: str = "when armed", **changes: Any) -> Robotiq:
    settings = RobotiqSettings.model_validate(
        {"tcp": "127.0.0.1:1", "joint": "gripper", "activation": activation, **changes}
    )
    line: Any = hand
    made = Robotiq("hand", settings, line, lambda: hand.now_ns)
    made.connect()
    return made


@pytest.fixture
def armed(hand: Hand) -> Robotiq:
    made = opened(hand)
    power(hand, made)
    return made


def power(hand: Hand, axis: Robotiq) -> None:
    """Ask again and again until it is ready, as arming does."""
    while True:
        try:
            return axis.set_torque(True)
        except NotReady:
            hand.live(0.1)


def go(hand: Hand, axis: Robotiq, goal: float, seconds: float = 2.0) -> None:
    for _ in range(round(seconds / TICK)):
        axis.read()
        axis.write((goal,))
        hand.live(TICK)


def test_it_opens_and_closes(hand: Hand, armed: Robotiq) -> None:
    go(hand, armed, 0.0)
    assert hand.position == pytest.approx(0.0, abs=0.001)
    go(hand, armed, 0.03)
    assert hand.position == pytest.approx(0.03, abs=0.001)
    state = armed.read()
    assert state.position[0] == pytest.approx(0.03, abs=0.0005)
    assert state.effort == (0.0,)


def test_it_feels_what_it_closes_on_and_says_with_which_force(hand: Hand, armed: Robotiq) -> None:
    hand.thing = 0.0125
    go(hand, armed, 0.0)
    state = armed.read()
    assert state.position[0] == pytest.approx(0.0125, abs=0.001)
    assert state.effort[0] == pytest.approx(-2 * (20 + 0.1 * 215))
    # A stop keeps the grip, and so does being armed again.
    armed.stop()
    hand.live(0.5)
    assert hand.position == pytest.approx(0.0125, abs=0.001)
    armed.set_torque(True)
    hand.live(0.5)
    assert hand.position == pytest.approx(0.0125, abs=0.001)


def test_a_stop_stands_where_it_is(hand: Hand, armed: Robotiq) -> None:
    go(hand, armed, TRAVEL)
    go(hand, armed, 0.0, seconds=0.2)
    armed.stop()
    before = hand.position
    hand.live(0.5)
    assert 0.002 < hand.position == pytest.approx(before, abs=0.002)


def test_it_is_not_told_the_same_again(hand: Hand, armed: Robotiq) -> None:
    go(hand, armed, 0.02)
    count = len(hand.written)
    go(hand, armed, 0.02)
    assert len(hand.written) == count


def test_its_fingers_do_not_move_unless_they_may(hand: Hand) -> None:
    """An activation opens and closes them, whatever they hold."""
    axis = opened(hand, "refuse")
    hand.position = 0.02
    with pytest.raises(ModbusFault, match="opens and closes its fingers") as refused:
        axis.set_torque(True)
    hand.live(1.0)
    assert hand.position == 0.02
    axis.write((0.04,))
    hand.live(1.0)
    assert hand.position == 0.02, "a request would have activated it"
    assert "when armed" in refused.value.hint
    assert not axis.read_health("gripper").torque_enabled


def test_one_that_is_active_already_is_armed_where_it_is(hand: Hand, armed: Robotiq) -> None:
    go(hand, armed, 0.02)
    again = opened(hand, "refuse")
    again.set_torque(True)
    hand.live(1.0)
    assert hand.position == pytest.approx(0.02, abs=0.001)
    assert again.read_hold().torque_enabled == (True,)


def test_faults_have_names(hand: Hand, armed: Robotiq) -> None:
    hand.gripper.fail(0x0E)
    armed.read()
    assert armed.faults() == {"gripper": ("gripper fault 0x0e, overcurrent",)}
    hand.gripper.fail(0x07)
    armed.read()
    assert armed.faults() == {}, "it waits for something, and is not broken"


def request(hand: Hand, **asked: bool) -> None:
    """As another master would make it, slowly."""
    command = {"activate": True, "go": False, **asked}
    words = Command(position=0, speed=0, force=0, **command).words()
    hand.ask(frames.write_registers(9, reg.OUTPUT, words))


@pytest.mark.parametrize(("opens", "end"), [(True, TRAVEL), (False, 0.0)])
def test_an_automatic_release_is_named_and_not_overridden(
    hand: Hand, armed: Robotiq, opens: bool, end: float
) -> None:
    go(hand, armed, 0.02)
    request(hand, release=True, release_opens=opens)
    armed.read()
    assert armed.faults() == {"gripper": ("gripper fault 0x0b, automatic release in progress",)}
    count = len(hand.written)
    go(hand, armed, 0.02, seconds=0.5)
    assert len(hand.written) == count, "it is asked nothing meanwhile"
    assert hand.position not in (pytest.approx(end, abs=0.005), pytest.approx(0.02, abs=0.002))
    go(hand, armed, 0.02, seconds=3.0)
    assert hand.position == pytest.approx(end, abs=0.001)
    assert armed.faults() == {"gripper": ("gripper fault 0x0f, automatic release completed",)}
    # It wants an activation, which moves the fingers: only where that is allowed.
    with pytest.raises(ModbusFault, match="automatic release completed"):
        opened(hand, "refuse").set_torque(True)
    hand.live(1.0)
    assert hand.position == pytest.approx(end, abs=0.001)
    armed.reset()
    power(hand, armed)
    go(hand, armed, 0.02)
    assert hand.position == pytest.approx(0.02, abs=0.001)
    assert armed.faults() == {}


def test_a_request_clears_a_release_that_was_left_set(hand: Hand) -> None:
    request(hand, release=True)
    axis = opened(hand)
    power(hand, axis)
    assert not reg.command_of(hand.gripper.read(Table.HOLDING, reg.OUTPUT, 3)).release


def test_a_major_fault_wants_an_activation(hand: Hand, armed: Robotiq) -> None:
    hand.gripper.fail(0x0E)
    with pytest.raises(ModbusFault, match=r"overcurrent\), and an activation"):
        opened(hand, "refuse").set_torque(True)
    armed.read()
    armed.reset()
    power(hand, armed)
    go(hand, armed, 0.02)
    assert hand.position == pytest.approx(0.02, abs=0.001)


def test_the_gripper_says_what_it_waits_for(hand: Hand) -> None:
    def fault() -> int:
        return reg.status_of(hand.gripper.read(Table.INPUT, reg.INPUT, 3)).fault

    request(hand, activate=False, go=True)
    hand.live(0.5)
    assert fault() == 0x07
    assert hand.position == TRAVEL
    request(hand, go=True)
    assert fault() == 0x05
    hand.live(4.0)
    assert fault() == 0


@pytest.mark.parametrize("act", [Robotiq.stop, lambda axis: axis.set_torque(False)])
def test_to_stop_one_that_lost_its_activation_activates_nothing(
    hand: Hand, armed: Robotiq, act: Any
) -> None:
    go(hand, armed, 0.02)
    hand.gripper.power_cycle()
    act(armed)
    hand.live(2.0)
    assert hand.position == pytest.approx(0.02, abs=0.001)


def test_who_begins_anew_does_not_go_on_with_what_another_began(hand: Hand) -> None:
    before = opened(hand, speed=0.0)
    power(hand, before)
    before.write((TRAVEL,))
    hand.live(1.0)
    anew = opened(hand, "refuse")
    assert 0.005 < hand.position < TRAVEL - 0.005, "it is on its way"
    hold = anew.read_hold()
    assert hold.goal[0] == pytest.approx(hand.position, abs=0.0005)
    anew.set_torque(True)
    there = hand.position
    hand.live(1.0)
    assert hand.position == pytest.approx(there, abs=0.001)


def test_an_activation_is_not_waited_for(hand: Hand) -> None:
    """The loop has ticks to make meanwhile."""
    axis = opened(hand)
    before = hand.now_ns
    with pytest.raises(NotReady, match="activates itself"):
        axis.set_torque(True)
    assert hand.now_ns == before
    with pytest.raises(NotReady):
        axis.set_torque(True)
    assert len([body for body in hand.written if body]) == 2, "it was begun once"


def test_one_that_loses_its_activation_says_so_and_stays_still(hand: Hand, armed: Robotiq) -> None:
    """Its supply broke down: the next request must not make it open and close."""
    go(hand, armed, 0.02)
    hand.gripper.power_cycle()
    armed.read()
    assert armed.faults() == {"gripper": ("gripper: its activation is lost",)}
    go(hand, armed, 0.04)
    assert hand.position == pytest.approx(0.02, abs=0.001)
    armed.reset()  # by the operator, who arms it again
    assert armed.faults() == {}
    power(hand, armed)
    go(hand, armed, 0.04)
    assert hand.position == pytest.approx(0.04, abs=0.001)


def test_one_that_does_not_come_up_is_named(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    axis = opened(hand)
    monkeypatch.setattr(hand.gripper, "_activated", lambda _: TRAVEL)
    with pytest.raises(ModbusFault, match="did not activate itself within 8 s"):
        power(hand, axis)


def test_a_silent_one_is_named(hand: Hand, armed: Robotiq) -> None:
    hand.dead = True
    for act in (armed.read, armed.stop, lambda: armed.write((0.01,))):
        with pytest.raises(ModbusSilent, match="hand") as silent:
            act()
        assert silent.value.subject == "gripper"


def test_power_off_keeps_what_it_holds(hand: Hand, armed: Robotiq) -> None:
    hand.thing = 0.0125
    go(hand, armed, 0.0)
    armed.set_torque(False)
    hand.live(0.5)
    assert hand.position == pytest.approx(0.0125, abs=0.001)
    assert armed.read_hold().torque_enabled == (False,)


def test_registers_that_are_not_there_are_refused(hand: Hand) -> None:
    for body in (bytes((3, 7, 0xD0, 0, 4)), bytes((6, 7, 0xD0, 0, 1)), bytes((1, 0, 0, 0, 1))):
        assert answer(body, hand.gripper)[0] & 0x80
    assert hand.gripper.read(Table.INPUT, reg.INPUT, 1) == [0]
