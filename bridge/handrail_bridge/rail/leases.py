"""Leases: the exclusive right to move a set of devices, kept alive by a heartbeat.

Every lease has a token greater than all before it, which nobody but its holder is told or can
guess. The loops compare the token of the running motion with their device's on every tick, so
that the end of a lease stops what its holder was moving and nothing else, and a late packet of a
former holder moves nothing.

A set is taken whole or not at all. Who waits is served in order of arrival; a later one goes
first only where it wants no device that an earlier one waits for.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from handrail_drivers.errors import InvalidValue, LeaseRefused, Refused, UnknownName

from handrail_bridge.reports import Lease, OwnLease

SHORTEST = 0.05  # s
LONGEST = 60.0  # s
PATIENCE = 600.0  # s, longest wait in the queue
WAITING = 16  # in the queue at most

OnLease = Callable[[int, tuple[str, ...], float], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: who, which devices, longest silence [s]."""

    holder: str
    devices: tuple[str, ...]
    heartbeat: float


@dataclass(slots=True)
class _Held:
    wish: Wish
    token: int
    expires: float  # s on the clock


class Leases:
    """The leases of a cell.

    Args:
        devices: names of all that moves.
        heartbeat: default longest silence [s].
        on_lease: told devices' token at every change, 0 where nobody holds them, and the time
            on the clock at which it lapses, at every heartbeat.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        devices: tuple[str, ...],
        heartbeat: float,
        on_lease: OnLease,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.devices = devices
        self.heartbeat = heartbeat
        self._on_lease = on_lease
        self._clock = clock
        self._held: list[_Held] = []
        self._queue: list[tuple[Wish, asyncio.Future[OwnLease]]] = []
        self._given = int(time.time())  # tokens grow across restarts too

    # --- taking and keeping -------------------------------------------------------------------

    def wish(self, holder: str, devices: Iterable[str] = (), heartbeat: float = 0.0) -> Wish:
        """Return a well-formed wish; no device named is all of them, ``heartbeat`` 0 the default.

        Raises:
            InvalidValue: no holder's name, or a heartbeat out of range.
            UnknownName: a device that does not move.
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
        named = tuple(dict.fromkeys(devices)) or self.devices
        for device in named:
            if device not in self.devices:
                raise UnknownName("device", device, self.devices, field="devices")
        return Wish(holder, named, silence)

    def acquire(self, wish: Wish) -> OwnLease:
        """Give the lease at once, or refuse.

        Raises:
            LeaseRefused: another holder has one of the devices, or waits for it; names it.
        """
        self._expire()
        earlier = (queued for queued, _ in self._queue)
        self._require_free(wish, earlier)
        return self._give(wish)

    def take_over(self, wish: Wish) -> OwnLease:
        """Give the lease at once, whoever holds or waits for one of its devices."""
        for held in tuple(self._held):
            if set(held.wish.devices) & set(wish.devices):
                self._end(held)
        lease = self._give(wish)
        self._serve()
        return lease

    async def wait(self, wish: Wish, patience: float) -> OwnLease:
        """Give the lease as soon as its turn has come, within ``patience`` [s].

        Raises:
            LeaseRefused: it did not come in time; or too many wait already.
            InvalidValue: more patience than is granted.
        """
        if not 0 <= patience <= PATIENCE:
            raise InvalidValue(
                f"A lease is waited for {PATIENCE:g} s at most.",
                field="wait_s",
                value=patience,
                limit=PATIENCE,
                unit="s",
            )
        if len(self._queue) >= WAITING:
            raise Refused(f"{WAITING} wait for a lease already.", limit=WAITING)
        place = wish, asyncio.get_running_loop().create_future()
        self._queue.append(place)
        self._serve()
        try:
            async with asyncio.timeout(patience):
                return await asyncio.shield(place[1])
        except TimeoutError:
            self._leave(place)
            self._require_free(wish, ())
            raise LeaseRefused("The lease's turn did not come.", hint="try again") from None
        except asyncio.CancelledError:
            self._leave(place)
            raise

    def beat(self, token: int) -> OwnLease:
        """Keep a lease alive. Raises LeaseRefused where it is no longer the caller's."""
        held = self._find(token)
        held.expires = self._clock() + held.wish.heartbeat
        self._on_lease(token, held.wish.devices, held.expires)
        return self._report(held)

    def release(self, token: int) -> None:
        """Give a lease back; nothing happens where it has ended already."""
        for held in self._held:
            if held.token == token:
                self._end(held)
                self._serve()
                return

    def revoke(self, holder: str = "") -> tuple[str, ...]:
        """End a holder's leases, or all where none is named; return whose they were.

        Raises:
            UnknownName: nobody of that name holds any.
        """
        self._expire()
        holders = tuple(held.wish.holder for held in self._held)
        if holder and holder not in holders:
            raise UnknownName("holder", holder, holders, field="holder")
        for held in tuple(self._held):
            if holder in ("", held.wish.holder):
                self._end(held)
        self._serve()
        return tuple(name for name in holders if holder in ("", name))

    def require(self, token: int, devices: Iterable[str]) -> None:
        """Refuse a token whose lease does not hold these devices now."""
        held = self._find(token)
        missing = [device for device in devices if device not in held.wish.devices]
        if missing:
            raise LeaseRefused(
                f"The plan moves {', '.join(missing)}, which the lease does not hold.",
                field="lease_token",
                value=token,
                choices=held.wish.devices,
                hint="take a lease on every device that the plan moves",
            )

    # --- what everybody may see -----------------------------------------------------------------

    def current(self) -> tuple[Lease, ...]:
        """Return the leases as they are now; a silent holder loses its own here."""
        self._expire()
        return tuple(self._report(held) for held in self._held)

    def holder(self, token: int) -> str:
        """Return who holds a lease. Raises LeaseRefused where nobody does."""
        return self._find(token).wish.holder

    def tokens(self) -> dict[str, int]:
        """Return the present token by device, 0 where nobody holds it."""
        self._expire()
        held = {device: held.token for held in self._held for device in held.wish.devices}
        return {device: held.get(device, 0) for device in self.devices}

    # --- the table ------------------------------------------------------------------------------

    def _find(self, token: int) -> _Held:
        self._expire()
        for held in self._held:
            if token and held.token == token:
                return held
        was = "has lapsed or was revoked" if token else "is needed to move"
        raise LeaseRefused(
            f"A lease {was}.",
            field="lease_token",
            value=token,
            hint="hold a lease (HoldLease, Client.lease) while the plan runs",
        )

    def _require_free(self, wish: Wish, earlier: Iterable[Wish]) -> None:
        for held in self._held:
            if taken := set(held.wish.devices) & set(wish.devices):
                raise LeaseRefused(
                    f"{held.wish.holder!r} holds the lease on {', '.join(sorted(taken))}.",
                    field="holder",
                    value=held.wish.holder,
                    limit=held.expires - self._clock(),
                    unit="s",
                    hint="wait for it (wait_s), or ask the operator to revoke it",
                )
        for other in earlier:
            if wanted := set(other.devices) & set(wish.devices):
                raise LeaseRefused(
                    f"{other.holder!r} waits for the lease on {', '.join(sorted(wanted))}.",
                    field="holder",
                    value=other.holder,
                    hint="wait for it, too (wait_s)",
                )

    def _give(self, wish: Wish) -> OwnLease:
        self._given += 1
        token = self._given << 32 | secrets.randbits(32)
        held = _Held(wish, token, self._clock() + wish.heartbeat)
        self._held.append(held)
        self._on_lease(held.token, wish.devices, held.expires)
        return self._report(held)

    def _expire(self) -> None:
        lapsed = [held for held in self._held if self._clock() >= held.expires]
        for held in lapsed:
            self._end(held)
        if lapsed:
            self._serve()

    def _end(self, held: _Held) -> None:
        self._held.remove(held)
        self._on_lease(0, held.wish.devices, 0.0)

    def _serve(self) -> None:
        """Give leases to those whose turn has come, the earliest first."""
        wanted = {device for held in self._held for device in held.wish.devices}
        for place in tuple(self._queue):
            wish, granted = place
            if not wanted & set(wish.devices):
                self._queue.remove(place)
                granted.set_result(self._give(wish))
            wanted |= set(wish.devices)

    def _leave(self, place: tuple[Wish, asyncio.Future[OwnLease]]) -> None:
        """Leave the queue; a lease that came in the same moment is given back."""
        if place in self._queue:
            self._queue.remove(place)
            self._serve()
        elif place[1].done():
            self.release(place[1].result().token)

    def _report(self, held: _Held) -> OwnLease:
        wish = held.wish
        waiting, wanted = [], set(wish.devices)
        for other, _ in self._queue:  # who waits for one that waits for this one does so, too
            if wanted & set(other.devices):
                waiting.append(other.holder)
                wanted |= set(other.devices)
        remaining = held.expires - self._clock()
        return OwnLease(wish.holder, remaining, wish.devices, tuple(waiting), held.token)
