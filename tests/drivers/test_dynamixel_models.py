"""What is otherwise from model to model of Dynamixel's X series, and the vendor's word on it."""

from __future__ import annotations

import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from drivers.dynamixel_port import Port
from drivers.moving_stand_ins import PAN_TILT, pan_tilt
from handrail_drivers.dynamixel import registers as reg
from handrail_drivers.dynamixel.driver import DynamixelBus, DynamixelSettings
from handrail_drivers.dynamixel.models import MODELS
from handrail_drivers.errors import DeviceFault
from pydantic import ValidationError

TABLES = {  # what the vendor calls our registers that every model has
    reg.MODEL_NUMBER: "Model Number",
    reg.HOMING_OFFSET: "Homing Offset",
    reg.TEMPERATURE_LIMIT: "Temperature Limit",
    reg.PWM_LIMIT: "PWM Limit",
    reg.P_GAIN: "Position P Gain",
    reg.GOAL_PWM: "Goal PWM",
    reg.GOAL_POSITION: "Goal Position",
    reg.PRESENT_PWM: "Present PWM",
    reg.PRESENT_VELOCITY: "Present Velocity",
    reg.PRESENT_POSITION: "Present Position",
    reg.PRESENT_TEMPERATURE: "Present Temperature",
}


def vendors(file: str) -> list[list[str]]:
    """The rows of a file of the vendor's SDK."""
    found = find_spec("dynamixel_easy_sdk")
    assert found is not None
    assert found.origin is not None
    text = (Path(found.origin).parent / "control_table" / file).read_text()
    return [line.split("\t") for line in text.splitlines()]


def settings(model: str, effort: float) -> DynamixelSettings:
    given = {**pan_tilt(model, effort), "calibration": PAN_TILT.calibration}
    return DynamixelSettings.model_validate(given)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_what_the_vendors_sdk_says(name: str) -> None:
    model, files = MODELS[name], {row[0]: row[1] for row in vendors("dynamixel.model")}
    file = files[str(model.number)]
    assert file == f"{name.lower().replace('-', '_')}.model"
    rows = {(row[0], row[1], row[2]) for row in vendors(file) if len(row) == 3}
    for register, called in TABLES.items():
        assert (str(register.address), str(register.size), called) in rows
    assert (("102", "2", "Goal Current") in rows) == model.has(reg.GOAL_CURRENT)
    assert (("126", "2", "Present Load") in rows) == (model.current is None)


@pytest.mark.parametrize("name", MODELS)
def test_each_follows_with_the_effort_that_its_cell_gives_it(name: str) -> None:
    """Held far from its goal, a servo pushes with its limit, and no harder; it tells as much."""
    model = MODELS[name]
    effort = 0.5 * model.stall_torque
    port = Port(name)
    bus = DynamixelBus("head", settings(name, effort), port)
    bus.connect()
    bus.set_torque(True)
    bus.write((1.0, -1.0))
    port.bank.step((0.0, 0.0), (0.0, 0.0), 0.1)
    torques = [servo.torque for servo in port.bank.servos.values()]
    assert torques == pytest.approx([effort, -effort], rel=0.01)
    assert bus.read().effort == pytest.approx(torques, rel=0.01)
    assert bus.read_health("pan").current > 0


def test_one_that_measures_no_current_is_not_held_to_its_effort() -> None:
    assert settings("XH540-W270", 5.0).measures_effort
    assert not settings("XL430-W250", 1.0).measures_effort
    assert not settings("XC330-T288", 0.5).measures_effort


def test_its_stiffness_is_that_of_its_gain() -> None:
    """A count off the goal makes a share of the PWM, which is one of the stall torque."""
    port = Port("XL430-W250")
    bus = DynamixelBus("head", settings("XL430-W250", 1.4), port)
    bus.connect()
    bus.set_torque(True)
    bus.write((0.1, 0.1))
    port.bank.step((0.0, 0.0), (0.0, 0.0), 0.1)
    counts = round(0.1 * 4096 / math.tau)
    torque = port.bank.servos["pan"].torque
    assert torque == pytest.approx(1.4 * counts * 640 / 128 / 885, rel=0.01)


def test_what_a_change_of_mode_resets_is_written_after_it() -> None:
    port, wanted = Port(), round(1.15 / 0.00269)
    for servo in port.bank.servos.values():
        servo.put(reg.GOAL_CURRENT, wanted)  # it becomes the limit as the mode changes
    DynamixelBus("head", settings("XM430-W350", 2.05), port).connect()
    for servo in port.bank.servos.values():
        assert servo.value(reg.OPERATING_MODE) == reg.CURRENT_POSITION
        assert servo.value(reg.GOAL_CURRENT) == wanted


def test_ends_that_somebody_has_set_keep_no_servo_from_its_goal() -> None:
    port = Port("XL430-W250")
    for servo in port.bank.servos.values():
        servo.put(reg.MAX_POSITION, 2100)
    bus = DynamixelBus("head", settings("XL430-W250", 1.0), port)
    bus.connect()
    bus.write((0.5, 0.5))
    assert bus.read_hold().goal == pytest.approx((0.5, 0.5), abs=0.001)


def test_another_model_is_named_with_those_that_are_known() -> None:
    bus = DynamixelBus("head", settings("XL430-W250", 1.0), Port("XM430-W210"))
    with pytest.raises(DeviceFault, match="pan is a XM430-W210, not a XL430-W250") as refused:
        bus.connect()
    assert "XH540-W270" in refused.value.hint
    port = Port()
    port.bank.servos["pan"].put(reg.MODEL_NUMBER, 350)
    with pytest.raises(DeviceFault, match="pan is a model 350, not a XM430"):
        DynamixelBus("head", PAN_TILT, port).connect()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": "XL430"}, "no model 'XL430'; valid: XL330-M077"),
        ({"model": "XL430-W250"}, "a XL430-W250 has 1.4 N.m at most, and effort is 3.0"),
    ],
)
def test_what_a_cell_asks_of_a_model_is_what_it_has(change: dict[str, Any], says: str) -> None:
    given = pan_tilt("XM430-W350", 3.0)
    given["joints"]["tilt"].update(change)
    with pytest.raises(ValidationError, match=says):
        DynamixelSettings.model_validate(given)
