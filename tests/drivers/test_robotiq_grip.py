"""What the emulated 2F gripper says of a thing between its fingers."""

from __future__ import annotations

from handrail_drivers.modbus.frames import Table
from handrail_drivers.robotiq import registers as reg
from handrail_drivers.robotiq.registers import Command, Contact
from handrail_sim.twin.robotiq import Gripper

TRAVEL, THING = 0.0425, 0.02  # m
STEP = 0.002  # s


def told(gripper: Gripper, *, go: bool, position: int) -> None:
    command = Command(activate=True, go=go, position=position, speed=255, force=0)
    gripper.write(Table.HOLDING, reg.OUTPUT, command.words())


def felt(gripper: Gripper, position: float, speed: float, seconds: float = STEP) -> Contact:
    """Return what it says once its finger has been there for so long."""
    for _ in range(round(seconds / STEP)):
        gripper.step((position,), (speed,), STEP)
    return reg.status_of(gripper.read(Table.HOLDING, reg.INPUT, reg.COUNT)).contact


def test_a_jolt_of_the_arm_lets_go_of_nothing_and_a_thing_that_is_gone_is_not_held() -> None:
    gripper = Gripper(TRAVEL)
    told(gripper, go=False, position=0)
    felt(gripper, THING, 0.0, seconds=5.0)  # it activates itself
    told(gripper, go=True, position=255)
    assert felt(gripper, THING, 0.0, seconds=0.2) == Contact.CLOSING
    assert felt(gripper, THING + 0.0005, 0.05) == Contact.CLOSING
    assert felt(gripper, THING - 0.005, -0.05) == Contact.MOVING


def test_a_finger_that_chatters_on_a_thing_has_met_it() -> None:
    gripper = Gripper(TRAVEL)
    told(gripper, go=False, position=0)
    felt(gripper, THING, 0.0, seconds=5.0)
    told(gripper, go=True, position=255)
    for _ in range(50):
        felt(gripper, THING + 0.00005, 0.02)
        last = felt(gripper, THING - 0.00005, -0.05)
    assert last == Contact.CLOSING


def test_one_that_loses_its_power_on_the_way_brakes_and_stays() -> None:
    gripper = Gripper(TRAVEL)
    told(gripper, go=False, position=0)
    felt(gripper, THING, 0.0, seconds=5.0)
    told(gripper, go=True, position=255)
    gripper.power_cycle()
    (braking,) = gripper.step((THING,), (-0.05,), STEP)
    assert braking > 1.0  # N, against the way that it had
    assert gripper.step((THING,), (0.0,), STEP) == (0.0,)
