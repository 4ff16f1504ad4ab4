"""Which devices are not there: what an agent has been told of them, and what is new."""

from __future__ import annotations

from collections.abc import Iterable

SIGN = ": not connected, "  # in a notice, between a device's name and why
BACK = "is there again: it goes on with nothing, and what moves wants the operator to arm it"


class Missing:
    """The devices of which an agent knows that they are not there.

    Args:
        known: their names.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self.known = set(known)

    def news(self, notices: Iterable[str]) -> list[str]:
        """Take a cell's present notices; return what has changed since the last, in sentences."""
        now = {name: why for name, sign, why in (one.partition(SIGN) for one in notices) if sign}
        gone = [f"{name} is not there: {now[name]}" for name in now if name not in self.known]
        back = [f"{name} {BACK}" for name in sorted(self.known - set(now))]
        self.known = set(now)
        return [*gone, *back]
