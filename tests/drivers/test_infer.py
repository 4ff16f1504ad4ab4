"""From a capture to a driver, for a device whose protocol no code of ours contains."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from drivers.kiln import Kiln
from handrail_drivers.capture import Capture, CaptureWriter, Entry, Header, Recorder, load_capture
from handrail_drivers.conformance import Call, Conformance, check
from handrail_drivers.conformance.line import BenchLine
from handrail_drivers.errors import DeviceGarbled, InvalidRequest, InvalidValue
from handrail_drivers.line_protocol.checksums import CHECKSUMS, FORMS
from handrail_drivers.line_protocol.driver import LineDevice
from handrail_drivers.line_protocol.infer import infer
from handrail_drivers.line_protocol.infer_frame import framing
from handrail_drivers.line_protocol.protocol import LineProtocol, Sum, ValueLine, read_protocol
from handrail_drivers.modbus.device import ModbusDevice, ModbusSettings
from handrail_drivers.modbus.infer import infer_map, speaks_modbus
from handrail_drivers.modbus.lines import ModbusKind
from handrail_drivers.modbus.map_file import load_map
from handrail_drivers.modbus.unit_line import ModbusLine
from hypothesis import given, settings
from hypothesis import strategies as st

HANDRAIL = Path(sys.executable).with_name("handrail")
MAP = Path(__file__).with_name("conformance_map.toml")


def its_own_software(kiln: Kiln, wire) -> None:
    """What the maker's program does, as it may be watched: it polls, and sets now and then."""

    def ask(text: str) -> None:
        data = text.encode() + b"|"
        wire.write(b">" + data + b"%02x" % kiln._crc(data) + b";\r")
        said = b""
        while not said.endswith(b";\r"):
            said += wire.read(1, 1.0)

    ask("id")
    for setpoint in (100.0, 250.0, 40.5, 1150.0):
        ask(f"wr02,{setpoint:+07.1f}")
        for _ in range(3):
            for register in ("rd01", "rd02", "rd03"):
                ask(register)
            kiln.advance(1.0)
            kiln.temperature += 0.7
    ask("halt")


@pytest.fixture
def capture(tmp_path) -> Path:
    kiln, text = Kiln(), io.StringIO()
    writer = CaptureWriter(text, Header(device="kiln", driver="the maker's program"))
    its_own_software(kiln, Recorder(BenchLine(kiln, 9.0).open(), writer))
    path = tmp_path / "kiln.jsonl"
    path.write_text(text.getvalue())
    return path


def scripted_agent(capture: Path) -> Path:
    """What an agent does: has a draft made, reads what is not known, and mends the draft."""
    done = subprocess.run(
        [HANDRAIL, "driver", "infer", str(capture), "--json"], capture_output=True, timeout=60
    )
    draft = json.loads(done.stdout)
    assert draft["kind"] == "line protocol"
    known = {  # it has seen the kiln's front panel
        "rd01": ("Temperature in the kiln.", "Cel"),
        "rd02": ("Temperature that it heats to.", "Cel"),
        "rd03": ("Whether it heats.", "1"),
    }
    lines: list[str] = []
    value = ""
    for line in Path(draft["file"]).read_text().splitlines():
        if line.startswith("[values."):
            value = line[len("[values.") : -1]
        if line.startswith("description"):
            text, unit = known[value]
            line = f'description = "{text}"\nunit = "{unit}"'
        if line.startswith("low ="):
            line = "low = 0.0\nsafe = 0.0"
        if line.startswith("end ="):
            assert any(one.startswith("'halt' is answered with 'ack'") for one in draft["unknown"])
            line += '\nstop = "halt"\nstopped = "ack"'
        lines.append(line)
    protocol = capture.with_name("mended.toml")
    protocol.write_text("\n".join(lines))
    return protocol


def test_an_agent_comes_from_a_capture_to_a_driver_that_passes_the_kit(capture):
    protocol = scripted_agent(capture)

    class KilnConformance(Conformance):
        driver = LineDevice
        settings = {"protocol": protocol, "port": "none", "timeout": 0.02}
        calls = {"set_rd02": Call({"value": 150.5}, {"setpoint": 150.5})}
        safe = {"setpoint": 0.0}

        def emulator(self) -> Kiln:
            return Kiln()

    report = check(KilnConformance())
    assert report.passed, report.markdown()
    kiln = Kiln()
    device = LineDevice(
        "kiln",
        LineDevice.Settings(protocol=protocol, port="none"),
        BenchLine(kiln, 9.0).open(),
    )
    device.connect()
    assert device.read() == {"rd01": 231.5, "rd02": 0.0, "rd03": 0.0}
    assert device.write("rd02", 700.0) is True
    assert kiln.setpoint == 700.0
    with pytest.raises(InvalidValue, match="0 to 1150 Cel"):
        device.write("rd02", 1160.0)
    device.stop()
    assert kiln.setpoint == 0.0


def test_a_draft_says_what_varies_with_what(capture):
    draft = infer(load_capture(capture), "kiln.jsonl")
    found = read_protocol(draft.text, "draft")
    assert (found.start, found.end) == (">", ";\r")
    assert found.checksum == Sum(kind="crc8_smbus", form="hex", separator="|", covers_start=False)
    assert found.identity.ask == "id"
    assert set(found.values) == {"rd01", "rd02", "rd03"}
    assert found.values["rd02"].tell == "wr02,{value:+07.1f}"
    assert (found.values["rd02"].low, found.values["rd02"].high) == (40.5, 1150.0)
    assert found.values["rd01"].tell is None
    said = " ".join(draft.unknown)
    assert "rd03: it changes after rd02 was set" in said
    assert "the checksum is crc8_smbus" in said


def test_an_answer_without_a_number_is_garbled(capture, tmp_path):
    protocol, kiln = tmp_path / "draft.toml", Kiln()
    protocol.write_text(infer(load_capture(capture), "kiln.jsonl").text)
    given = LineDevice.Settings(protocol=protocol, port="none", timeout=0.05)
    device = LineDevice("kiln", given, BenchLine(kiln, 9.0).open())
    kiln._said = lambda _: "rd01=?"
    with pytest.raises(DeviceGarbled):
        device.read(["rd01"])


def test_a_modbus_capture_makes_a_register_map(tmp_path):
    from drivers.test_conformance_ours import Registers

    unit, text = Registers(), io.StringIO()
    writer = CaptureWriter(text, Header(device="belt"))
    line = BenchLine(ModbusLine({1: unit}), 9.0)
    given = ModbusSettings(map=MAP, port="none", timeout=0.5)
    device = ModbusDevice(
        "belt", given, ModbusKind.over(lambda: Recorder(line.open(), writer), given)
    )
    for speed in (0.1, 0.3, -0.2):
        device.write("speed", speed)
        device.read()
    path = tmp_path / "belt.jsonl"
    path.write_text(text.getvalue())
    found = load_capture(path)
    assert speaks_modbus(found)
    draft = infer_map(found, "belt.jsonl")
    target = tmp_path / "belt.toml"
    target.write_text(draft.text)
    speed = load_map(target).registers["holding_0"]
    assert (speed.effect, speed.read_back, speed.low) == ("move", True, 100.0)
    assert load_map(target).registers["holding_3"].effect == "observe"
    assert "holding_3: it never read otherwise than 16804" in draft.unknown


def captured(frame: LineProtocol, pairs) -> Capture:
    entries = [
        Entry(n, way, frame.framed(text))
        for n, pair in enumerate(pairs)
        for way, text in zip("><", pair, strict=True)
    ]
    return Capture(Header(), tuple(entries))


TEXT = st.text(st.sampled_from("abcdefgXYZ0123456789 =.-"), min_size=2, max_size=12)


@settings(max_examples=40)
@given(
    st.sampled_from(["", "$", ":", "\x02"]),
    st.sampled_from(["\r\n", "\r", "\n", "\x03", "#\r"]),
    st.one_of(
        st.none(),
        st.builds(
            Sum,
            kind=st.sampled_from(sorted(CHECKSUMS)),
            form=st.sampled_from(FORMS[:2]),
            separator=st.sampled_from(["", "*", "|"]),
            covers_start=st.booleans(),
        ),
    ),
    st.lists(st.tuples(TEXT, TEXT), min_size=6, max_size=9, unique_by=lambda pair: pair[0]),
)
def test_any_framing_is_found(start, end, checksum, pairs):
    frame = LineProtocol(
        start=start, end=end, checksum=checksum, values={"a": ValueLine(description="a", ask="a")}
    )
    pairs = [(f"q{question}", f"a{answer}") for question, answer in pairs]  # no common sign
    found = framing(captured(frame, pairs))
    assert found.odd == 0
    if checksum is not None:
        assert [(line.question, line.answer) for line in found.lines] == pairs


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [(">", b"a\n"), ("<", b"b\n")],
        [(">", b"a1"), ("<", b"b2"), (">", b"c3"), ("<", b"d4")],
        [(">", b"a\n"), ("<", b"b\n"), (">", b"c\n"), ("<", b"d\n")],
    ],
)
def test_what_tells_too_little_is_refused(entries):
    rows = tuple(Entry(n, way, data) for n, (way, data) in enumerate(entries))
    with pytest.raises(InvalidRequest):
        infer(Capture(Header(), rows), "x")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ('tell = "S {value}"', "limits on both sides"),
        ('tell = "S"\nlow = 0\nhigh = 1', "{value} once"),
        ('tell = "S {value}"\nlow = 0\nhigh = 1\nsafe = 2', "beyond a limit"),
        ('tell = "S {value}"\nlow = 0\nhigh = 1\neffect = "observe"', "moves or configures"),
        ('answer = "{} {}"', "{value} once"),
        ("unknown = 1", "unknown"),
    ],
)
def test_a_protocol_that_contradicts_itself_is_refused(change, says):
    from handrail_drivers.errors import InvalidCell

    with pytest.raises(InvalidCell) as caught:
        read_protocol(f'[values.a]\ndescription = "a"\nask = "A?"\n{change}\n', "x.toml")
    assert says in str(caught.value)
