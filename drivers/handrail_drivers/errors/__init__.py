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
    ├── ModelLost                     UNAVAILABLE         the language model does not answer
    └── ProcessLost                   UNAVAILABLE         a process of ours died

Each class owns its machine-readable ``code`` and its gRPC ``status`` name. The
sentence is for a person or a model: what was wrong, what is allowed, what to try.
"""

from __future__ import annotations

from handrail_drivers.errors.devices import (
    BoardFault,
    BoardSilent,
    BusLost,
    DeviceFault,
    DeviceGarbled,
    DeviceSilent,
    InputFault,
    NotReady,
    ServoFault,
    ServoGarbled,
    ServoSilent,
    StaleReading,
)
from handrail_drivers.errors.endings import (
    AuditBroken,
    ModelLost,
    MotionStopped,
    ProcessLost,
)
from handrail_drivers.errors.modbus import (
    ModbusAcknowledged,
    ModbusBusy,
    ModbusException,
    ModbusFailure,
    ModbusFault,
    ModbusGarbled,
    ModbusIllegalAddress,
    ModbusIllegalFunction,
    ModbusIllegalValue,
    ModbusNegative,
    ModbusNoPath,
    ModbusNoTarget,
    ModbusParityError,
    ModbusSilent,
)
from handrail_drivers.errors.refusals import (
    BudgetSpent,
    LeaseRefused,
    NotArmed,
    NotPermittedRole,
    PermitRefused,
    PlanRefused,
    Refused,
)
from handrail_drivers.errors.requests import (
    InvalidCell,
    InvalidModel,
    InvalidRequest,
    InvalidValue,
    UnknownName,
)
from handrail_drivers.errors.root import (
    HandrailError,
)

__all__ = [
    "AuditBroken",
    "BoardFault",
    "BoardSilent",
    "BudgetSpent",
    "BusLost",
    "DeviceFault",
    "DeviceGarbled",
    "DeviceSilent",
    "HandrailError",
    "InputFault",
    "InvalidCell",
    "InvalidModel",
    "InvalidRequest",
    "InvalidValue",
    "LeaseRefused",
    "ModbusAcknowledged",
    "ModbusBusy",
    "ModbusException",
    "ModbusFailure",
    "ModbusFault",
    "ModbusGarbled",
    "ModbusIllegalAddress",
    "ModbusIllegalFunction",
    "ModbusIllegalValue",
    "ModbusNegative",
    "ModbusNoPath",
    "ModbusNoTarget",
    "ModbusParityError",
    "ModbusSilent",
    "ModelLost",
    "MotionStopped",
    "NotArmed",
    "NotPermittedRole",
    "NotReady",
    "PermitRefused",
    "PlanRefused",
    "ProcessLost",
    "Refused",
    "ServoFault",
    "ServoGarbled",
    "ServoSilent",
    "StaleReading",
    "UnknownName",
    "error_class",
]


def error_class(code: str) -> type[HandrailError]:
    """Return the class of the tree that owns a code; the root where none does."""
    classes = [HandrailError]
    for kind in classes:
        if kind.code == code:
            return kind
        classes += kind.__subclasses__()
    return HandrailError
