"""Calibration files: LeRobot's fields, there and back, and errors that name the field."""

from __future__ import annotations

import json
import math

import pytest
from handrail_drivers.errors import InvalidValue, UnknownName
from handrail_drivers.feetech.driver import FeetechBus
from handrail_drivers.servos.calibration import Calibration, JointCalibration
from hypothesis import given
from hypothesis import strategies as st

# As LeRobot's calibration of an SO-101 follower writes it.
LEROBOT = {
    "shoulder_pan": {
        "id": 1,
        "drive_mode": 0,
        "homing_offset": -1470,
        "range_min": 758,
        "range_max": 3292,
    },
    "gripper": {
        "id": 6,
        "drive_mode": 1,
        "homing_offset": 1407,
        "range_min": 2031,
        "range_max": 3476,
    },
}

joints = st.builds(
    lambda id, mode, offset, ends: JointCalibration(
        id=id, drive_mode=mode, homing_offset=offset, range_min=min(ends), range_max=max(ends)
    ),
    st.integers(0, 253),
    st.integers(0, 1),
    st.integers(-2047, 2047),
    st.sets(st.integers(0, 4095), min_size=2, max_size=2),
)


@given(st.dictionaries(st.text(min_size=1), joints, min_size=1, max_size=6))
def test_what_is_saved_is_loaded(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("calibration") / "arm.json"
    Calibration(content).save(path)
    assert Calibration.load(path).joints == content


def test_lerobots_file_keeps_its_meaning_byte_for_byte(tmp_path):
    path = tmp_path / "arm.json"
    path.write_text(json.dumps(LEROBOT, indent=4) + "\n")
    again = tmp_path / "again.json"
    Calibration.load(path).save(again)
    assert again.read_bytes() == path.read_bytes()


@given(joints, st.integers(0, 4095))
def test_counts_and_radians_are_inverse(joint, count):
    assert joint.to_count(joint.to_rad(count)) == count
    sign = -1 if joint.drive_mode else 1
    assert joint.to_rad(count) == pytest.approx(sign * (count - 2048) * 2 * math.pi / 4096)
    assert joint.low < joint.high


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"range_min": 4000}, "range_min 4000 is not below"),
        ({"range_max": 4096}, "gripper.range_max"),
        ({"drive_mode": 2}, "gripper.drive_mode"),
        ({"homing_offset": 1.5}, "gripper.homing_offset"),
        ({"offset": 1}, "gripper.offset"),
    ],
)
def test_each_fault_names_joint_and_field(tmp_path, change, says):
    path = tmp_path / "arm.json"
    path.write_text(json.dumps(LEROBOT | {"gripper": LEROBOT["gripper"] | change}))
    with pytest.raises(InvalidValue, match=says):
        Calibration.load(path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"gripper": 1}'])
def test_no_calibration_at_all(tmp_path, text):
    path = tmp_path / "arm.json"
    with pytest.raises(InvalidValue, match="cannot be read"):
        Calibration.load(path)
    path.write_text(text)
    with pytest.raises(InvalidValue, match="has faults"):
        Calibration.load(path)


def test_it_has_to_fit_the_cell(tmp_path, arm_settings, bank):
    path = tmp_path / "arm.json"
    settings = arm_settings.model_copy(update={"calibration": path})
    content = json.loads(arm_settings.calibration.read_text())
    path.write_text(json.dumps(content | {"elbow_flex": content["elbow_flex"] | {"id": 9}}))
    with pytest.raises(InvalidValue, match="elbow_flex has id 3 in the cell and 9"):
        FeetechBus("arm_bus", settings, bank)
    del content["elbow_flex"]
    path.write_text(json.dumps(content))
    with pytest.raises(UnknownName, match="elbow_flex"):
        FeetechBus("arm_bus", settings, bank)
