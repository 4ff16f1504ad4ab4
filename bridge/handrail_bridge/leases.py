"""The lease: the exclusive right to move, kept alive by a heartbeat.

Every lease has a token greater than all before it. The loop compares the token of the
running motion with the current one on every tick, so that the end of a lease stops what
its holder was moving, and a late packet of a former holder moves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from handrail_drivers.errors import InvalidValue, LeaseRefused

from handrail_bridge.reports import Lease

SHORTEST = 0.05  # s
LONGEST = 60.0  # s


@dataclass(slots=True)
class _Held:
    holder: str
    token: int
    heartbeat: float  # s
    expires: float  # s on the clock


class Leases:
    """The one lease of a cell's devices.

    Args:
        devices: names of what it gives the right to move.
        heartbeat: default longest silence [s].
        on_token: told the current token at every change, 0 where nobody holds the lease.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        devices: tuple[str, ...],
        heartbeat: float,
        on_token: Callable[[int], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.devices = devices
        self.heartbeat = heartbeat
        self._on_token = on_token
        self._clock = clock
        self._held: _Held | None = None
        self._last = int(time.time())  # tokens grow across restarts too

    def acquire(self, holder: str, heartbeat: float = 0.0) -> Lease:
        """Give the lease to ``holder``; ``heartbeat`` [s] 0 is the default.

        Raises:
            LeaseRefused: another holder has it; names it and its remaining time.
            InvalidValue: no holder's name, or a heartbeat out of range.
        """
        silence = heartbeat or self.heartbeat
        if not holder.strip() or len(holder) > 80:
            raise InvalidValue(
                "A lease needs the name of its holder, 80 characters at most.",
                field="holder",
                limit=80,
            )
        if not SHORTEST <= silence <= LONGEST:
            raise InvalidValue(
                f"A heartbeat lies between {SHORTEST} s and {LONGEST} s.",
                field="heartbeat_s",
                value=heartbeat,
                limit=LONGEST if silence > LONGEST else SHORTEST,
                unit="s",
            )
        current = self.current()
        if current.token:
            raise LeaseRefused(
                f"{current.holder!r} holds the lease on {', '.join(self.devices)}.",
                field="holder",
                value=current.holder,
                limit=current.remaining,
                unit="s",
                hint="wait until it is released, or ask the operator to revoke it",
            )
        self._last += 1
        self._held = _Held(holder, self._last, silence, self._clock() + silence)
        self._on_token(self._last)
        return self.current()

    def beat(self, token: int) -> Lease:
        """Keep a lease alive. Raises LeaseRefused where it is no longer the caller's."""
        self.require(token)
        if self._held is not None:
            self._held.expires = self._clock() + self._held.heartbeat
        return self.current()

    def release(self, token: int) -> None:
        """Give the lease back; nothing happens where it is no longer the caller's."""
        if self.current().token == token:
            self.revoke()

    def revoke(self) -> None:
        """End the lease, whoever holds it."""
        self._held = None
        self._on_token(0)

    def require(self, token: int) -> None:
        """Refuse a token that is not the current lease's."""
        current = self.current()
        if token and token == current.token:
            return
        was = "has lapsed or was revoked" if token else "is needed to move"
        raise LeaseRefused(
            f"A lease on {', '.join(self.devices)} {was}.",
            field="lease_token",
            value=token,
            hint="hold a lease (HoldLease, Client.lease) while the plan runs",
        )

    def current(self) -> Lease:
        """Return the lease as it is now; a silent holder loses it here."""
        if self._held is not None and self._clock() >= self._held.expires:
            self.revoke()
        if self._held is None:
            return Lease(devices=self.devices)
        remaining = self._held.expires - self._clock()
        return Lease(self._held.holder, self._held.token, remaining, self.devices)
