"""The driver of the input module against the twin's module, and against anything at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from handrail_drivers.api import InputBus
from handrail_drivers.errors import BusLost, DeviceFault, InputFault
from handrail_drivers.numato_gpio import PLENTY, NumatoGpio
from handrail_sim.twin.numato_wire import NumatoModule
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

CHANNELS = {"stop": 0, "door": 5}
SIZES = (8, 16, 32, 64, 128)


class Line:
    """A transport that ends in a function: bytes in, bytes out. Its time-outs do not wait."""

    def __init__(self, answers: Callable[[bytes], bytes]) -> None:
        self.answers = answers
        self.sent: list[bytes] = []
        self.waiting = b""
        self.lost = False

    def write(self, data: bytes) -> None:
        self._require()
        self.sent.append(data)
        self.waiting += self.answers(data)

    def read(self, size: int, timeout_s: float) -> bytes:
        self._require()
        data, self.waiting = self.waiting[:size], self.waiting[size:]
        return data

    def discard_input(self) -> None:
        self._require()
        self.waiting = b""

    def close(self) -> None:
        self.lost = True

    def _require(self) -> None:
        if self.lost:
            raise BusLost("The port is gone.", subject="port")


def answers_of(module: NumatoModule) -> Callable[[bytes], bytes]:
    return lambda data: b"".join(answer for _, answer, _ in module.exchanges(data, None))


def settings(ports: int = 8, **changes: object) -> NumatoGpio.Settings:
    given = {"port": "/dev/null", "ports": ports, "inputs": CHANNELS, **changes}
    return NumatoGpio.Settings.model_validate(given)


def driver_of(answers: Callable[[bytes], bytes], ports: int = 8) -> NumatoGpio:
    return NumatoGpio("box", settings(ports), Line(answers))


@pytest.mark.parametrize("ports", SIZES)
def test_it_reads_what_is_pressed(ports: int) -> None:
    module = NumatoModule(ports, CHANNELS)
    driver = driver_of(answers_of(module), ports)
    driver.connect()
    assert isinstance(driver, InputBus)
    assert driver.read_inputs() == {"stop": True, "door": True}
    module.press("stop")
    assert driver.read_inputs() == {"stop": False, "door": True}
    module.press("door")
    module.release("stop")
    assert driver.read_inputs() == {"stop": True, "door": False}


def test_a_read_is_one_command() -> None:
    line = Line(answers_of(NumatoModule(16, CHANNELS)))
    driver = NumatoGpio("box", settings(16), line)
    driver.connect()
    line.sent.clear()
    driver.read_inputs()
    assert line.sent == [b"gpio readall\r"]


def test_a_channel_that_drove_something_becomes_an_input_and_others_stay_as_they_are() -> None:
    module = NumatoModule(8, CHANNELS)
    say = answers_of(module)
    say(b"gpio iomask ff\rgpio iodir 00\rgpio writeall 00\r")
    driver = driver_of(say)
    driver.connect()
    assert driver.read_inputs() == {"stop": True, "door": True}
    assert b"21" in say(b"gpio readall\r"), "channels 0 and 5 read, the others still drive"


def test_what_a_client_before_left_half_said_is_ended() -> None:
    say = answers_of(NumatoModule(8, CHANNELS))
    say(b"gpio notify o")
    driver = driver_of(say)
    driver.connect()
    assert driver.read_inputs()["stop"]


@pytest.mark.parametrize("end", [b"\n\r", b"\r\n", b"\n", b"\r"])
def test_any_line_end_and_any_case_will_do(end: bytes) -> None:
    def say(command: bytes) -> bytes:
        answer = b"fE" + end if b"readall" in command else b""
        return command.rstrip(b"\r").upper() + end + answer + b">"

    assert driver_of(say).read_inputs() == {"stop": False, "door": True}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "did not answer"),
        (b"gpio readall\n\r", "gpio readall"),
        (b"gpio readall\n\rFF", "FF"),
        (b"gpio readall\n\rFFFF\n\r>", "FFF"),
        (b"gpio readall\n\rF\n\r>", "F"),
        (b"gpio readall\n\r>", "did not answer"),
        (b"gpio readall\n\r0x\n\r>", "0x"),
        (b"gpio readall\n\r_1\n\r>", "_1"),
        (b"gpio readal\n\rFFF\n\r>", "readal"),
        (b"\xff\xfe" * 40, "xff"),
        (b"\n\r" * 200, "gpio readall"),
    ],
)
def test_a_wrong_answer_is_named_and_never_a_level(answer: bytes, says: str) -> None:
    with pytest.raises(InputFault) as fault:
        driver_of(lambda _: answer).read_inputs()
    assert "box" in fault.value.message
    assert says in fault.value.message
    assert fault.value.subject == "box"


def test_another_number_of_channels_is_refused_when_connecting() -> None:
    with pytest.raises(InputFault, match="box") as fault:
        driver_of(answers_of(NumatoModule(16, CHANNELS)), ports=8).connect()
    assert "8 channels" in fault.value.hint


def test_what_talks_without_end_is_refused() -> None:
    class Chatter(Line):
        def read(self, size: int, timeout_s: float) -> bytes:
            return b"x" * size

    with pytest.raises(InputFault, match="does not stop talking"):
        NumatoGpio("box", settings(), Chatter(lambda _: b"")).connect()


class Late(Line):
    """Its first answer comes after the time-out: to who waits for it, else before the second."""

    late = b""

    def write(self, data: bytes) -> None:
        super().write(data)
        if len(self.sent) == 1:
            self.late, self.waiting = self.waiting, b""
        else:
            self.late, self.waiting = b"", self.late + self.waiting

    def read(self, size: int, timeout_s: float) -> bytes:
        if size == PLENTY:
            self.late, self.waiting = b"", self.late + self.waiting
        return super().read(size, timeout_s)


def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    module = NumatoModule(8, CHANNELS)
    line = Late(answers_of(module))
    driver = NumatoGpio("box", settings(), line)
    with pytest.raises(InputFault, match="did not answer"):
        driver.read_inputs()
    module.press("stop")
    assert driver.read_inputs() == {"stop": False, "door": True}


def test_a_lost_port_is_a_lost_bus() -> None:
    driver = driver_of(answers_of(NumatoModule(8, CHANNELS)))
    driver.connect()
    driver.close()
    with pytest.raises(BusLost):
        driver.read_inputs()


@given(st.binary(max_size=120))
def test_no_bytes_at_all_break_it(answer: bytes) -> None:
    """Whatever comes: levels that stand in it, or a fault of the device."""
    try:
        levels = driver_of(lambda _: answer).read_inputs()
    except DeviceFault:
        return
    visible = answer.translate(None, b"\r\n").lower()
    echo = b"gpio readall"
    assert visible[: len(echo)] == echo
    value = int(visible[len(echo) : len(echo) + 2], 16)
    assert levels == {"stop": bool(value & 1), "door": bool(value & 32)}


@given(st.data(), st.sampled_from(SIZES))
def test_an_answer_with_a_wrong_byte_is_a_fault_or_whole_again(
    data: st.DataObject, ports: int
) -> None:
    """Changed, lost or doubled: where levels are told, the answer had its length and digits."""
    whole = b"gpio readall\n\r" + b"F" * (ports // 4) + b"\n\r>"
    at = data.draw(st.integers(0, len(whole) - 1))
    with_it = whole[: at + data.draw(st.integers(0, 1))]
    torn = with_it + data.draw(st.binary(max_size=2)) + whole[at + 1 :]
    try:
        levels = driver_of(lambda _: torn, ports).read_inputs()
    except DeviceFault:
        return
    digits = torn.translate(None, b"\r\n").lower().removeprefix(b"gpio readall").partition(b">")[0]
    assert len(digits) == ports // 4
    assert levels["stop"] == bool(int(digits, 16) & 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"inputs": {"stop": 8}},
        {"inputs": {"stop": -1}},
        {"inputs": {}},
        {"inputs": {"Stop!": 1}},
        {"ports": 12},
        {"timeout": 0},
        {"timeot": 1},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        settings(**wrong)  # type: ignore[arg-type]
