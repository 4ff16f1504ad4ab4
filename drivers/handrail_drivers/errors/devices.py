"""Hardware did not do its part."""

from __future__ import annotations

from typing import Any

from handrail_drivers.errors.root import HandrailError


class DeviceFault(HandrailError):
    """Hardware did not do its part; ``subject`` names the device or the joint."""

    code = "device_fault"
    status = "UNAVAILABLE"
    subject: str = ""

    def __init__(self, message: str, *, subject: str = "", **parts: Any) -> None:
        super().__init__(message, field=parts.pop("field", subject), **parts)
        self.subject = subject


class BusLost(DeviceFault):
    """The port is gone: unplugged, closed, or held by another process."""

    code = "bus_lost"


class DeviceSilent(DeviceFault):
    """A device did not answer within its time."""

    code = "device_silent"


class DeviceGarbled(DeviceFault):
    """A device answered with something that is no answer to what was asked."""

    code = "device_garbled"


class ServoSilent(DeviceFault):
    """A servo did not answer within its time."""

    code = "servo_silent"


class ServoGarbled(DeviceFault):
    """A servo answered with something that is no valid frame."""

    code = "servo_garbled"


class ServoFault(DeviceFault):
    """A servo reports a fault of its own: overload, overheat, voltage, angle."""

    code = "servo_fault"


class InputFault(DeviceFault):
    """An input module did not answer in time, or with something that is no valid answer."""

    code = "input_fault"


class BoardFault(DeviceFault):
    """A board with Handrail's firmware says what cannot be, or did not do what it was told."""

    code = "board_fault"


class BoardSilent(BoardFault):
    """A board did not answer within its time, or is not there."""

    code = "board_silent"


class NotReady(DeviceFault):
    """A device needs some seconds before it does what it is asked."""

    code = "not_ready"


class StaleReading(DeviceFault):
    """The newest value is older than its maximum age."""

    code = "stale_reading"
