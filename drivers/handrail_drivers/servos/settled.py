"""What a servo is refused for whose registers are not, or do not become, what they shall be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from handrail_drivers.errors import DeviceFault


class Named(Protocol):
    """A register, as far as sentences go."""

    @property
    def name(self) -> str:
        """What it is called."""


R = TypeVar("R", bound=Named)


def refuse_under_torque(joint: str, changes: Mapping[R, int], holds: Callable[[R], int]) -> None:
    """Refuse changes that would move a joint which is under torque, or let it sag.

    Args:
        joint: its name.
        changes: what such registers shall hold, where they hold something else.
        holds: returns what one holds.

    Raises:
        DeviceFault: there is a change.
    """
    for register, to in changes.items():
        raise DeviceFault(
            f"{joint} has {register.name} {holds(register)} instead of {to}, which must not "
            "change while its torque is on.",
            subject=joint,
            value=holds(register),
            limit=to,
            hint="support the arm, remove torque, and connect again",
        )


def require_written(joint: str, changes: Mapping[R, int], holds: Callable[[R], int]) -> None:
    """Refuse a servo that did not take what was written.

    Raises:
        DeviceFault: a register holds something else.
    """
    for register, to in changes.items():
        if holds(register) != to:
            raise DeviceFault(
                f"{joint} did not take {register.name} {to}: it holds {holds(register)}.",
                subject=joint,
                value=holds(register),
                limit=to,
            )
