"""The twin's Modbus units: no bytes from a wire break them, and a refusal changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from handrail_drivers.modbus.frames import Table, crc
from handrail_drivers.modbus.unit import answer
from handrail_drivers.modbus.unit_line import LONGEST, ModbusLine
from handrail_sim.twin.scale import CAPACITY, GRAVITY, Scale
from hypothesis import given
from hypothesis import strategies as st

STEP = 0.02  # s


def scale(seed: int = 1) -> Scale:
    return Scale(np.random.default_rng(seed))


def shown(one: Scale) -> float:
    high, low = one.read(Table.HOLDING, 0, 2)
    raw = high << 16 | low
    return (raw - (1 << 32) if raw >> 31 else raw) * 1e-4


def settle(one: Scale, mass: float, seconds: float = 1.0) -> None:
    for _ in range(round(seconds / STEP)):
        one.weigh(mass * GRAVITY, STEP)


# --- frames -----------------------------------------------------------------------------------


@given(body=st.binary(max_size=260))
def test_every_request_has_an_answer(body: bytes) -> None:
    said = answer(body, scale())
    function = body[0] if body else 0
    assert said[0] in (function, function | 0x80)
    assert len(said) <= 253


@given(chunks=st.lists(st.binary(max_size=300), max_size=8))
def test_noise_on_a_line_moves_nothing(chunks: list[bytes]) -> None:
    one = scale()
    line = ModbusLine({1: one})
    for chunk in chunks:
        line.exchanges(chunk, None)
    line.forget_partial()
    ask = bytes((1, 1, 0, 0, 0, 1))
    ((size, said, _),) = line.exchanges(ask + crc(ask), None)
    assert size == 8
    assert said[:4] == bytes((1, 1, 1, 0)), "it is not tared"


@given(body=st.binary(min_size=1, max_size=LONGEST - 3), cut=st.integers(0, LONGEST))
def test_a_frame_may_come_in_pieces(body: bytes, cut: int) -> None:
    frame = bytes((1,)) + body
    frame += crc(frame)
    whole, pieces = ModbusLine({1: scale()}), ModbusLine({1: scale()})
    at_once = whole.exchanges(frame, None)
    bit_by_bit = pieces.exchanges(frame[:cut], None) + pieces.exchanges(frame[cut:], None)
    if at_once and len(at_once[0][1]) > 5 and not at_once[0][1][1] & 0x80:
        assert [said for _, said, _ in bit_by_bit] == [said for _, said, _ in at_once]


@pytest.mark.parametrize("number", [0, 2])
def test_broadcasts_and_others_requests_have_no_answer(number: int) -> None:
    one = scale()
    tare = bytes((number, 5, 0, 0, 0xFF, 0))
    ((_, said, _),) = ModbusLine({1: one}).exchanges(tare + crc(tare), None)
    assert said == b""
    assert one.read(Table.COIL, 0, 1) == [int(number == 0)]


# --- the scale --------------------------------------------------------------------------------


def test_it_settles_at_what_lies_on_it() -> None:
    one = scale()
    settle(one, 0.0)
    empty = shown(one)
    settle(one, 0.03, 0.04)
    assert 0.002 < shown(one) - empty < 0.025, "on its way"
    assert not one.read(Table.HOLDING, 4, 1)[0] & 1
    settle(one, 0.03)
    assert shown(one) - empty == pytest.approx(0.03, abs=0.001)
    assert one.read(Table.HOLDING, 4, 1)[0] & 1


def test_it_has_noise_that_is_another_with_another_seed() -> None:
    """As much as docs/modbus.md says, and about what lies there."""

    def readings(seed: int) -> list[float]:
        one = scale(seed)
        settle(one, 0.03)
        found = []
        for _ in range(400):
            settle(one, 0.03, STEP)
            found.append(shown(one))
        return found

    read = np.array(readings(1))
    assert 0.00010 < read.std() < 0.00020, "0.15 g"
    assert np.abs(read - read.mean()).max() < 0.0015
    assert abs(np.corrcoef(read[1:], read[:-1])[0, 1]) < 0.2, "it does not creep"
    assert readings(1) == read.tolist()
    assert readings(2) != read.tolist()


@pytest.mark.parametrize(("before", "after"), [(0.0, 0.03), (0.03, 0.0), (0.0, 1.5)])
def test_it_settles_within_a_quarter_of_a_second(before: float, after: float) -> None:
    one = scale()
    settle(one, before, 2.0)
    was = shown(one)
    settle(one, after, STEP)
    assert abs(shown(one) - was) < 0.5 * abs(after - before), "not at once"
    settle(one, after, 0.25 - STEP)
    assert shown(one) - was == pytest.approx(after - before, abs=0.1 * abs(after - before))


def test_a_tare_holds_until_its_power_goes() -> None:
    one = scale()
    settle(one, 0.1)
    assert answer(bytes((5, 0, 0, 0xFF, 0)), one) == bytes((5, 0, 0, 0xFF, 0))
    settle(one, 0.13)
    assert shown(one) == pytest.approx(0.03, abs=0.001)
    one.power_cycle()
    assert shown(one) == pytest.approx(0.13, abs=0.006)
    settle(one, 2 * CAPACITY)
    assert one.read(Table.HOLDING, 4, 1)[0] & 2
