"""A Modbus register could not be read or written; one class for each exception code.

Source of the codes: MODBUS Application Protocol Specification V1.1b3, section 7.
"""

from __future__ import annotations

from typing import ClassVar

from handrail_drivers.errors.devices import DeviceFault


class ModbusFault(DeviceFault):
    """A register could not be read or written."""

    code = "modbus_fault"


class ModbusSilent(ModbusFault):
    """A Modbus unit did not answer within its time."""

    code = "modbus_silent"


class ModbusGarbled(ModbusFault):
    """A Modbus unit answered with something that is no answer to what was asked."""

    code = "modbus_garbled"


class ModbusException(ModbusFault):
    """A Modbus unit refused; ``value`` is its code: of the specification, or the vendor's own."""

    code = "modbus_exception"
    number: ClassVar[int] = 0


class ModbusIllegalFunction(ModbusException):
    """Exception 1: the unit has no such function."""

    code = "modbus_illegal_function"
    number = 1


class ModbusIllegalAddress(ModbusException):
    """Exception 2: the unit has no such register."""

    code = "modbus_illegal_address"
    number = 2


class ModbusIllegalValue(ModbusException):
    """Exception 3: the unit does not take this value, or so many registers."""

    code = "modbus_illegal_value"
    number = 3


class ModbusFailure(ModbusException):
    """Exception 4: the unit failed while it did what it was asked."""

    code = "modbus_failure"
    number = 4


class ModbusAcknowledged(ModbusException):
    """Exception 5: the unit has begun, and needs a long time."""

    code = "modbus_acknowledged"
    number = 5


class ModbusBusy(ModbusException):
    """Exception 6: the unit is busy; ask it again later."""

    code = "modbus_busy"
    number = 6


class ModbusNegative(ModbusException):
    """Exception 7: the unit cannot do what it was asked."""

    code = "modbus_negative"
    number = 7


class ModbusParityError(ModbusException):
    """Exception 8: the unit found its memory damaged."""

    code = "modbus_parity_error"
    number = 8


class ModbusNoPath(ModbusException):
    """Exception 10: the unit is a gateway that has no way to the unit."""

    code = "modbus_no_path"
    number = 10


class ModbusNoTarget(ModbusException):
    """Exception 11: the unit is a gateway whose unit does not answer."""

    code = "modbus_no_target"
    number = 11
