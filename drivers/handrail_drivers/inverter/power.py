"""The power states of a drive, and how one comes from one to the next. Pure, no I/O.

Source: IEC 61800-7-201 (CiA 402-2), section 5: finite state automaton, control and status word.
"""

from __future__ import annotations

from enum import StrEnum


class Power(StrEnum):
    """The states of the automaton."""

    NOT_READY = "not ready to switch on"
    DISABLED = "switch on disabled"
    READY = "ready to switch on"
    SWITCHED_ON = "switched on"
    ENABLED = "operation enabled"
    QUICK_STOP = "quick stop active"
    FAULT_REACTION = "fault reaction active"
    FAULT = "fault"


# Mask, value and state of the status word.
STATES = (
    (0x4F, 0x00, Power.NOT_READY),
    (0x4F, 0x40, Power.DISABLED),
    (0x6F, 0x21, Power.READY),
    (0x6F, 0x23, Power.SWITCHED_ON),
    (0x6F, 0x27, Power.ENABLED),
    (0x6F, 0x07, Power.QUICK_STOP),
    (0x4F, 0x0F, Power.FAULT_REACTION),
    (0x4F, 0x08, Power.FAULT),
)
DISABLE_VOLTAGE = 0x00
QUICK_STOP = 0x02
SHUTDOWN = 0x06
SWITCH_ON = 0x07
ENABLE_OPERATION = 0x0F
RAMP = 0x70  # in velocity mode: the ramp is on, is not held, and follows the target (8.2 there)
FAULT_RESET = 0x80
# What leads one state nearer to operation; out of a fault only a reset leads.
UP = {
    Power.DISABLED: SHUTDOWN,
    Power.READY: SWITCH_ON,
    Power.SWITCHED_ON: ENABLE_OPERATION | RAMP,
    Power.QUICK_STOP: DISABLE_VOLTAGE,
}


def power_of(status_word: int) -> Power:
    """Return the state that a status word tells; none that it does not know counts as not ready."""
    return next(
        (state for mask, value, state in STATES if status_word & mask == value), Power.NOT_READY
    )
