"""Whose turn it is on a line that several units share."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """One turn at a time: units in rotation, each in order of arrival, what is urgent first.

    A plain lock promises no order, and one order of arrival would let a busy unit fill the line.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._urgent: deque[threading.Lock] = deque()
        self._waiting: dict[int, deque[threading.Lock]] = {}  # by unit, the next one first
        self._taken = False

    @property
    def waiting(self) -> int:
        """How many wait for theirs."""
        with self._lock:
            return len(self._urgent) + sum(map(len, self._waiting.values()))

    def take(self, unit: int, *, urgent: bool = False) -> None:
        """Wait for one's turn; then :meth:`end` is owed."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return
            ticket = threading.Lock()
            ticket.acquire()
            queue = self._urgent if urgent else self._waiting.setdefault(unit, deque())
            queue.append(ticket)
        ticket.acquire()  # whoever ends its turn releases it; turns end within their timeouts

    def taken_at_once(self) -> bool:
        """Take one's turn if nobody has it; then :meth:`end` is owed."""
        with self._lock:
            free = not self._taken
            self._taken = True
        return free

    def end(self) -> None:
        """Pass the turn on."""
        with self._lock:
            if self._urgent:
                self._urgent.popleft().release()
            elif self._waiting:
                unit = next(iter(self._waiting))
                queue = self._waiting.pop(unit)
                queue.popleft().release()
                if queue:  # behind all others
                    self._waiting[unit] = queue
            else:
                self._taken = False
