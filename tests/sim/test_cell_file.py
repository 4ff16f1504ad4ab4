"""Cell files: the shipped one loads; a wrong one gets every fault with key, line and choices."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest
from handrail_drivers.errors import InvalidCell, UnknownName
from handrail_drivers.servos.calibration import RAD_PER_COUNT, Calibration
from handrail_sim import cell_file
from handrail_sim.cell import RULES
from handrail_sim.cell_file import (
    SHIPPED,
    cell_digest,
    cell_schema,
    device_settings,
    load_cell,
)

DESK = SHIPPED / "cells" / "desk.toml"


@pytest.fixture
def edit(tmp_path):
    """Write a changed copy of the desk's cell; return its path."""

    def write(*changes: tuple[str, str]) -> Path:
        text = DESK.read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    return write


def faults(path: Path) -> list[str]:
    with pytest.raises(InvalidCell) as caught:
        load_cell(path)
    return list(caught.value.faults)


def changed_line(path: Path) -> int:
    mine, desk = path.read_text().splitlines(), DESK.read_text().splitlines()
    first = next(n for n in range(len(mine)) if mine[n] != desk[n])
    return first + 1


def test_the_desk_loads_by_name_and_by_path():
    desk = load_cell("desk")
    assert desk == load_cell(DESK) == load_cell(str(DESK))
    assert desk.folder == DESK.parent
    assert device_settings(desk, "arm_bus").calibration == DESK.parent / "desk_calibration.json"


def test_an_unknown_name_gets_the_shipped_ones():
    with pytest.raises(UnknownName, match="desk"):
        load_cell("dessk")
    with pytest.raises(InvalidCell, match="cannot be read"):
        load_cell("no/such/cell.toml")
    with pytest.raises(UnknownName, match="arm_bus"):
        device_settings(load_cell("desk"), "arm_buss")


# change, the key in the fault, what the sentence must contain
POWER = 'without_power = "falls"'
HOME = "home = { shoulder_pan = 1.2, "
FAULTS = [
    (("velocity = 2.5, ", "velocty = 2.5, "), "arm.limits.shoulder_pan.velocty", "'velocity'"),
    (("velocity = 2.5, ", ""), "arm.limits.shoulder_pan.velocity", "missing"),
    (("rate = 250", "rate = 2500"), "loop.rate", "less than or equal to 1000, not 2500"),
    (("rate = 250", 'rate = "250"'), "loop.rate", "valid integer"),
    (("fovy = 45.0", "fovy = nan"), "cameras.overhead.fovy", "finite"),
    (
        ('without_power = "falls"', 'without_power = "fals"'),
        "devices.arm_bus.without_power",
        "'falls'",
    ),
    (('color = "red"', 'color = "rad"'), "objects.red_cube_a.color", "'red'"),
    (('goes_to = "red_bin"', 'goes_to = "red_bim"'), "objects.red_cube_a.goes_to", "'red_bin'"),
    (('driver = "feetech"', 'driver = "feetec"'), "devices.arm_bus.driver", "'feetech'"),
    (("baud = 1_000_000", "baud = 9"), "devices.arm_bus.settings.baud", "38400"),
    (("baud = 1_000_000", "boud = 9"), "devices.arm_bus.settings.boud", "'baud'"),
    (("id = 3\n", "id = 300\n"), "devices.arm_bus.settings.joints.elbow_flex.id", "253, not 300"),
    (('"desk_calibration.json"', '"nil.json"'), "devices.arm_bus.settings.calibration", "nil.json"),
    (('model = "desk.xml"', 'model = "dusk.xml"'), "world.model", "dusk.xml"),
    (('device = "arm_bus"', 'device = "arm"'), "arm.device", "'arm_bus'"),
    (('device = "overhead"', 'device = "overhaed"'), "cameras.overhead.device", "'overhead'"),
    ((HOME, "home = { "), "arm.home.shoulder_pan", "missing"),
    (
        ("home = { shoulder_pan = 1.2", "home = { shoulder_pan = 2.2"),
        "arm.home.shoulder_pan",
        "2.2",
    ),
    (
        ("elbow_flex = { low = -1.69", "elbow_flex = { low = 1.70"),
        "arm.limits.elbow_flex.low",
        "below",
    ),
    (('gripper = "gripper"', 'gripper = "elbow_flex"'), "arm.gripper", "joint of the arm"),
    (('"wrist_roll"]', '"elbow_flex"]'), "arm.joints", "twice"),
    (("[objects.red_cube_a]", "[objects.Red]"), "objects.Red", "pattern"),
    (("quaternion = [0.70", "quaternion = [0.80"), "cameras.overhead.quaternion", "length 1"),
    (("search = [-0.04", "search = [0.94"), "cameras.overhead.search", "x_min"),
    (('name = "desk"', 'name = "desk"\nfolder = "x"'), "folder", "no such key"),
    (
        ("axis = [0.03", 'external = { belt = "x" }\naxis = [0.03'),
        "arm.external.belt",
        "device 'x'",
    ),
    (('weight = "red_scale', 'weight = "rad_scale'), "regions.red_bin.weight", "'rad_scale'"),
    (('kind = "scale"', 'kind = "scales"'), "devices.red_scale.twin.kind", "scale"),
]


@pytest.mark.parametrize(("change", "key", "says"), FAULTS, ids=[fault[1] for fault in FAULTS])
def test_each_fault_has_key_line_and_what_is_allowed(edit, change, key, says):
    path = edit(change)
    found = [fault for fault in faults(path) if f": {key}: " in fault]
    assert len(found) == 1
    assert found[0].startswith(f"mine.toml:{changed_line(path)}: ")
    assert says in found[0]


def test_all_faults_come_at_once_in_the_order_of_the_file(edit):
    changes = [fault[0] for fault in (FAULTS[2], FAULTS[6], FAULTS[7], FAULTS[8], FAULTS[13])]
    listed = faults(edit(*changes))
    assert len(listed) == 5
    lines = [int(fault.split(":")[1]) for fault in listed]
    assert lines == sorted(lines)


def test_joints_of_the_bus_stand_in_the_order_of_the_arm(edit):
    swap = ("settings.joints.shoulder_pan]", "settings.joints.x]")
    path = edit(swap, ("settings.joints.shoulder_lift]", "settings.joints.shoulder_pan]"))
    path.write_text(
        path.read_text().replace("settings.joints.x]", "settings.joints.shoulder_lift]")
    )
    assert ["order" in fault for fault in faults(path)] == [True]


@pytest.mark.parametrize(
    ("text", "line"), [("name = = 3\n", 1), ("a = 1\n[b\n", 2), ("a = 1\n\nb = [1,\n", 4)]
)
def test_a_syntax_error_has_its_line(tmp_path, text, line):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    assert faults(path)[0].startswith(f"mine.toml:{line}: not TOML")


@pytest.mark.parametrize(
    "text", ["", "name = 3\n", "devices = 3\narm = []\n", "[arm]\nlimits = 1\n"]
)
def test_no_shape_of_data_breaks_the_search_for_faults(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    assert any("is missing" in fault for fault in faults(path))


@pytest.mark.parametrize(("timestep", "instead"), [("0.003", "0.002"), ("0.0041", "0.004")])
def test_a_time_step_goes_into_a_tick(edit, timestep, instead):
    (fault,) = faults(edit(('model = "desk.xml"', f'model = "desk.xml"\ntimestep = {timestep}')))
    assert "world.timestep" in fault
    assert f"{instead} s does" in fault


def test_files_beside_the_cell_come_before_shipped_ones(edit, tmp_path):
    path = edit()
    shutil.copy(SHIPPED / "cells" / "desk_calibration.json", tmp_path)
    settings = device_settings(load_cell(path), "arm_bus")
    assert settings.calibration == tmp_path / "desk_calibration.json"


def test_the_digest_follows_the_cell_and_its_files(edit, tmp_path):
    same = cell_digest(load_cell("desk"))
    assert cell_digest(load_cell(edit())) == same
    assert cell_digest(load_cell(edit(("clearance = 0.004", "clearance = 0.005")))) != same
    calibration = json.loads((SHIPPED / "cells" / "desk_calibration.json").read_text())
    calibration["gripper"]["range_max"] += 1
    (tmp_path / "desk_calibration.json").write_text(json.dumps(calibration))
    assert cell_digest(load_cell(edit())) != same


def test_the_desks_calibration_spans_its_limits():
    desk = load_cell("desk")
    joints = Calibration.load(DESK.parent / "desk_calibration.json").joints
    for name, limits in desk.arm.limits.items():
        assert joints[name].low <= limits.low < joints[name].low + RAD_PER_COUNT
        assert joints[name].high >= limits.high > joints[name].high - RAD_PER_COUNT
    assert math.isclose(joints["gripper"].to_rad(2048), 0)


def test_the_schema_covers_every_key_of_the_desk():
    schema = cell_schema()
    assert "folder" not in schema["properties"]
    whole = {"name", "world", "devices", "arm"}
    assert [whole <= set(one["required"]) for one in schema["anyOf"]] == [False, True]
    assert schema["anyOf"][0]["required"] == ["base"]
    kinds = [
        part["if"]["properties"]["driver"]["const"] for part in schema["$defs"]["Device"]["allOf"]
    ]
    assert {"feetech", "network_camera"} <= set(kinds)
    text = json.dumps(schema)
    references = {part.split('"')[0] for part in text.split('"$ref": "#/$defs/')[1:]}
    assert references <= set(schema["$defs"])


def test_shipped_cells_are_found():
    assert cell_file.shipped_cells()["desk"] == DESK


def reflex(text: str) -> str:
    return DESK.read_text() + f"\n[reflexes.mine]\n{text}\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('kind = "joint_efort"\nlimit = 1', "reflexes.mine.kind: no kind 'joint_efort'."),
        ('kind = "joint_effort"\nlimt = 1', "reflexes.mine.limt: there is no such key."),
        ('kind = "joint_effort"', "reflexes.mine.limit: is missing."),
        ('kind = "joint_effort"\nlimit = nan', "reflexes.mine.limit"),
        ('kind = "joint_effort"\nlimit = 1\ncategory = 3', "reflexes.mine.category"),
        (
            'kind = "joint_effort"\nlimit = 1\ncategory = 0',
            "reflexes.mine.category: must be 2, since arm_bus falls without power, not 0.",
        ),
    ],
)
def test_a_reflex_that_cannot_be_is_refused_with_what_can(
    tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "cell.toml"
    file.write_text(reflex(text))
    with pytest.raises(InvalidCell) as refused:
        load_cell(file)
    assert any(says in fault for fault in refused.value.faults), refused.value.faults


def test_a_cell_has_no_more_rules_than_the_loop_can_report(tmp_path: Path) -> None:
    rule = '\n[reflexes.r{}]\nkind = "joint_effort"\nlimit = 9\n'
    most = RULES - len(load_cell("desk").rules)
    file = tmp_path / "cell.toml"
    file.write_text(DESK.read_text() + "".join(rule.format(n) for n in range(most)))
    assert len(load_cell(file).rules) == RULES
    file.write_text(file.read_text() + rule.format(most))
    with pytest.raises(InvalidCell, match=f"one too many: the loop watches {RULES} reflexes"):
        load_cell(file)


def test_two_loops_do_not_share_a_core(tmp_path: Path) -> None:
    line = cell_file.shipped_cells()["line"].read_text()
    file = tmp_path / "cell.toml"
    file.write_text(f"{line}\n[loop]\ncpu = 1\n")
    with pytest.raises(InvalidCell, match=r"devices\.belt_drive\.cpu: core 1 is that of 'arm_bus'"):
        load_cell(file)
    file.write_text(
        file.read_text().replace("[devices.belt_drive]\n", "[devices.belt_drive]\ncpu = 0\n")
    )
    assert load_cell(file).devices["belt_drive"].cpu == 0


def test_a_reflex_is_part_of_the_cells_digest(tmp_path: Path) -> None:
    digests = set()
    for limit in (1, 2):
        file = tmp_path / f"cell{limit}.toml"
        file.write_text(reflex(f'kind = "joint_effort"\nlimit = {limit}'))
        digests.add(cell_digest(load_cell(file)))
    assert len(digests) == 2


def test_an_arm_that_falls_stops_by_category_two(tmp_path: Path) -> None:
    file = tmp_path / "cell.toml"
    file.write_text(DESK.read_text().replace("[loop]\n", "[loop]\nstop_category = 1\n"))
    with pytest.raises(InvalidCell, match=r"loop\.stop_category: must be 2, since arm_bus falls"):
        load_cell(file)
    file.write_text(file.read_text().replace('without_power = "falls"', 'without_power = "holds"'))
    assert load_cell(file).loop.stop_category == 1
