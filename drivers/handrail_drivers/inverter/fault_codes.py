"""What the fault codes of a drive mean. Pure, no I/O.

Source: IEC 61800-7-201 (CiA 402-2), section 10, error codes; the classes are those of CiA 301's
emergency object. A code that is not listed has the meaning of its group.
"""

from __future__ import annotations

MEANINGS = {
    0x2220: "continuous overcurrent inside of it",
    0x2310: "continuous overcurrent at its output",
    0x2320: "short circuit or earth leakage",
    0x2330: "earth leakage",
    0x2340: "short circuit",
    0x3110: "overvoltage of the mains",
    0x3120: "undervoltage of the mains",
    0x3130: "a phase of the mains is missing",
    0x3210: "overvoltage of its DC link",
    0x3220: "undervoltage of its DC link",
    0x4110: "its surroundings are too hot",
    0x4210: "it is too hot",
    0x4310: "its drive is too hot",
    0x7120: "motor fault",
    0x7121: "the motor is blocked",
    0x8130: "nobody speaks to it any more",
    0x8311: "excess torque",
    0x8611: "following error",
}
GROUPS = {
    0x1000: "a generic fault",
    0x2000: "current",
    0x2100: "current at its input",
    0x2200: "current inside of it",
    0x2300: "current at its output",
    0x3000: "voltage",
    0x3100: "voltage of the mains",
    0x3200: "voltage inside of it",
    0x3300: "voltage at its output",
    0x4000: "temperature",
    0x5000: "its hardware",
    0x6000: "its software or parameters",
    0x7000: "an additional module, such as motor, brake or sensor",
    0x8000: "monitoring",
    0x8100: "communication",
    0x9000: "an external fault",
    0xF000: "an additional function",
}


def meaning(code: int) -> str:
    """Return what a code means, by its group where it is not known itself."""
    for one in (code, code & 0xFFF0):
        if one in MEANINGS:
            return MEANINGS[one]
    for group in (code & 0xFF00, code & 0xF000):
        if group in GROUPS:
            return GROUPS[group]
    return "unknown, perhaps the vendor's own"


def spoken(code: int) -> str:
    """Return a code as manuals write it, and what it means."""
    return f"{code:#06x}, {meaning(code) if code else 'it tells none yet'}"
