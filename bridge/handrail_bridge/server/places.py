"""How many calls the bridge answers at a time: who finds all places taken is refused."""

from __future__ import annotations

from handrail_drivers.errors import Refused

# Together fewer than calls of one connection (server.py): a stop always finds room.
SLOTS = 48  # calls that may last
WATCHES = 64  # streams of the state, and of changes of the tool list
LINES = 128  # streams of tool calls or frames, which mostly wait for the next request
READERS = 32  # who wait for mail
LETTERS = 32  # mails that are being written or looked for
PROBES = 8  # of health, and of reflection


class Places:
    """So many may be taken at a time, each while a block runs."""

    def __init__(self, limit: int, what: str) -> None:
        self._limit, self._what, self._taken = limit, what, 0

    def __enter__(self) -> None:
        if self._taken >= self._limit:
            raise Refused(
                f"{self._limit} {self._what} are open already.",
                limit=self._limit,
                hint="try again, and end those of your own that nobody reads",
            )
        self._taken += 1

    def __exit__(self, *_: object) -> None:
        self._taken -= 1
