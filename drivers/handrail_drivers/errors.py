"""Every error that Handrail raises, in one tree.

::

    HandrailError                     INTERNAL
    ├── InvalidRequest                INVALID_ARGUMENT    what was asked cannot be meant
    │   ├── InvalidValue              INVALID_ARGUMENT    one field: out of range, NaN, wrong type
    │   ├── InvalidCell               INVALID_ARGUMENT    a cell file, with every fault at once
    │   ├── InvalidModel              INVALID_ARGUMENT    a model that is not what the cell declares
    │   └── UnknownName               NOT_FOUND           no such tool, joint, device, object
    ├── Refused                       FAILED_PRECONDITION meant well, not allowed now
    │   ├── PlanRefused               FAILED_PRECONDITION the check found violations
    │   ├── PermitRefused             FAILED_PRECONDITION unknown, spent, expired, other plan, drift
    │   ├── NotArmed                  FAILED_PRECONDITION disarmed, stopped or in fault
    │   ├── LeaseRefused              ABORTED             another client may move these devices
    │   ├── BudgetSpent               FAILED_PRECONDITION what an agent may spend is spent
    │   └── NotPermittedRole          PERMISSION_DENIED   an act of the operator
    ├── DeviceFault                   UNAVAILABLE         hardware did not do its part
    │   ├── BusLost                   UNAVAILABLE         the port is gone
    │   ├── DeviceSilent              UNAVAILABLE         no answer within the time
    │   ├── DeviceGarbled             UNAVAILABLE         an answer that is none to what was asked
    │   ├── ServoSilent               UNAVAILABLE         no answer within the time
    │   ├── ServoGarbled              UNAVAILABLE         an answer that is no valid frame
    │   ├── ServoFault                UNAVAILABLE         the servo reports overload, heat, voltage
    │   ├── InputFault                UNAVAILABLE         an input module is silent or garbled
    │   ├── ModbusFault               UNAVAILABLE         a register could not be read or written
    │   │   ├── ModbusSilent          UNAVAILABLE         no answer within the time
    │   │   ├── ModbusGarbled         UNAVAILABLE         what came is no answer to what was asked
    │   │   └── ModbusException       UNAVAILABLE         the device refuses, and says why
    │   │       └── ModbusBusy, ...   UNAVAILABLE         one for each exception code
    │   ├── BoardFault                UNAVAILABLE         a board of ours did not do its part
    │   │   └── BoardSilent           UNAVAILABLE         no answer within the time
    │   ├── NotReady                  UNAVAILABLE         a device needs some seconds yet
    │   └── StaleReading              UNAVAILABLE         a value older than its maximum age
    ├── MotionStopped                 ABORTED             stopped before the plan's end
    ├── AuditBroken                   DATA_LOSS           the audit log is not what was written
    └── ProcessLost                   UNAVAILABLE         a process of ours died

Each class owns its machine-readable ``code`` and its gRPC ``status`` name. The
sentence is for a person or a model: what was wrong, what is allowed, what to try.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self


class HandrailError(Exception):
    """Root of the tree.

    Args:
        message: one sentence for a person or a model.
        field: path of the offending field, such as ``steps[1].positions.elbow_flex``.
        value: what was given.
        limit: what is allowed at most (or at least).
        unit: UCUM code of value and limit.
        hint: what to try instead.
        choices: the valid names, where the fault is a name.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[str] = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        field: str = "",
        value: object = None,
        limit: object = None,
        unit: str = "",
        hint: str = "",
        choices: Iterable[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.value = value
        self.limit = limit
        self.unit = unit
        self.hint = hint
        self.choices = tuple(choices)

    def detail(self) -> dict[str, Any]:
        """Return the machine-readable part, empty fields left out."""
        names = ("code", "message", "field", "value", "limit", "unit", "hint")
        parts = {name: getattr(self, name) for name in names} | {"choices": list(self.choices)}
        return {key: part for key, part in parts.items() if part not in (None, "", [])}

    @classmethod
    def restore(cls, parts: Mapping[str, Any]) -> Self:
        """Return an error with these attributes: how it crosses to another process."""
        error = cls.__new__(cls, parts["message"])
        error.__dict__.update(parts)
        return error

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).restore, (self.__dict__,)

    def __str__(self) -> str:
        tail = f" Try: {self.hint}" if self.hint else ""
        names = f" Valid: {', '.join(self.choices)}." if self.choices else ""
        return f"{self.message}{names}{tail}"


class InvalidRequest(HandrailError):
    """What was asked cannot be meant."""

    code = "invalid_request"
    status = "INVALID_ARGUMENT"


class InvalidValue(InvalidRequest):
    """One field is out of range, not a number, or of the wrong type."""

    code = "invalid_value"


class InvalidCell(InvalidRequest):
    """A cell file with faults; ``faults`` lists every one of them."""

    code = "invalid_cell"
    faults: tuple[str, ...] = ()

    def __init__(self, message: str, faults: Iterable[str] = (), **parts: Any) -> None:
        super().__init__(message, **parts)
        self.faults = tuple(faults)


class InvalidModel(InvalidRequest):
    """A perception model that cannot be loaded, or is not what the cell declares."""

    code = "invalid_model"


class UnknownName(InvalidRequest):
    """A name that does not exist; the nearest valid one becomes the hint."""

    code = "unknown_name"
    status = "NOT_FOUND"

    def __init__(self, kind: str, name: str, choices: Iterable[str], field: str = "") -> None:
        valid = sorted(choices)
        near = difflib.get_close_matches(name, valid, n=1)
        super().__init__(
            f"There is no {kind} named {name!r}.",
            field=field,
            value=name,
            hint=f"use {near[0]!r}" if near else "",
            choices=valid,
        )


class Refused(HandrailError):
    """Meant well, but not allowed in this state."""

    code = "refused"
    status = "FAILED_PRECONDITION"


class PlanRefused(Refused):
    """The check found violations; ``verdict`` is the whole finding."""

    code = "plan_refused"
    verdict: Any = None

    def __init__(self, message: str, verdict: Any = None, **parts: Any) -> None:
        super().__init__(message, **parts)
        self.verdict = verdict


class PermitRefused(Refused):
    """The permit is unknown, spent, expired, for another plan, or its start state drifted."""

    code = "permit_refused"


class NotArmed(Refused):
    """The cell is disarmed, stopped or in fault: an operator has to reset and arm it."""

    code = "not_armed"


class LeaseRefused(Refused):
    """Another client holds the right to move these devices."""

    code = "lease_refused"
    status = "ABORTED"


class BudgetSpent(Refused):
    """What an agent may spend is spent; ``field`` says which part of it."""

    code = "budget_spent"


class NotPermittedRole(Refused):
    """An act that only the operator may do."""

    code = "not_permitted_role"
    status = "PERMISSION_DENIED"


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


class MotionStopped(HandrailError):
    """The motion was stopped before the plan's end."""

    code = "motion_stopped"
    status = "ABORTED"


class AuditBroken(HandrailError):
    """The audit log is not what was written, or cannot be read."""

    code = "audit_broken"
    status = "DATA_LOSS"


class ModelLost(HandrailError):
    """The language model does not answer, or refuses to."""

    code = "model_lost"
    status = "UNAVAILABLE"


class ProcessLost(HandrailError):
    """A process of ours died or does not answer."""

    code = "process_lost"
    status = "UNAVAILABLE"


def error_class(code: str) -> type[HandrailError]:
    """Return the class of the tree that owns a code; the root where none does."""
    classes = [HandrailError]
    for kind in classes:
        if kind.code == code:
            return kind
        classes += kind.__subclasses__()
    return HandrailError
