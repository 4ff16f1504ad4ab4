"""Safe values without a device: one that fails keeps no other from being written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from handrail_drivers.errors import DeviceFault, ModbusFault, ModbusIllegalValue, ModbusSilent
from handrail_drivers.safe_values import SafeValues

NAMES = ("speed", "torque", "lamp")


class Drive:
    """Takes every register but ``speed``."""

    def __init__(self, failure: type[ModbusFault]) -> None:
        self.asked: list[str] = []
        self.taken: set[str] = set()
        self._failure = failure
        self.values = SafeValues("drive", NAMES, self._write)

    def _write(self, name: str) -> None:
        self.asked.append(name)
        if name == "speed":
            raise self._failure("no.", subject="drive")
        self.taken.add(name)


@pytest.fixture(params=[ModbusSilent, ModbusIllegalValue])
def drive(request: pytest.FixtureRequest) -> Iterator[Drive]:
    found = Drive(request.param)
    yield found
    found.values.end()


def test_one_that_fails_is_owed_and_the_rest_is_written(drive: Drive) -> None:
    with pytest.raises(DeviceFault, match="speed"):
        drive.values.stop()
    with pytest.raises(DeviceFault, match=r"safe values: speed \(no\.\)\.$"):
        drive.values.close()
    assert drive.taken == {"torque", "lamp"}


def test_the_last_try_reaches_what_follows_one_that_is_silent(drive: Drive) -> None:
    with pytest.raises(DeviceFault, match="speed"):
        drive.values.close()
    assert drive.taken == {"torque", "lamp"}


def test_after_a_silence_the_rest_is_not_asked_before_a_pause() -> None:
    drive = Drive(ModbusSilent)
    drive.values.end()  # nobody tries again
    with pytest.raises(DeviceFault):
        drive.values.stop()
    assert drive.asked == ["speed"]
