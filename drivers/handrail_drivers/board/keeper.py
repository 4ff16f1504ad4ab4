"""Keeps a board: finds it, talks to it until it is lost, and finds it again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from handrail.v1.link_layout import Message

from handrail_drivers.board.link import Link
from handrail_drivers.board.session import Sample, Session
from handrail_drivers.board.settings import BoardSettings
from handrail_drivers.errors import BoardSilent, BusLost, DeviceFault
from handrail_drivers.transport import Transport

TURN = 0.01  # s between two looks at what is due
FIRST_WAIT = 0.2  # s before a lost board is sought again; twice as long each time
LONGEST_WAIT = 1.0  # one that is back is ready within two: greeting and description take the rest
END = 5.0  # s: longer than any exchange with its tries

log = logging.getLogger(__name__)


@runtime_checkable
class Reopenable(Protocol):
    """A transport that can be opened again once it was lost."""

    def reopen(self) -> None:
        """Open it anew, or raise BusLost."""


class Keeper:
    """Two threads: one takes what the line brings, one does what is due.

    Args:
        name: the board, in errors.
        transport: its line; one that is :class:`Reopenable` is opened again after a loss.
        sampled: is given every sample that a stream brings.
        described: is told of every new session, before it counts as ready.
        lost: is called once one that was ready has ended.
    """

    def __init__(
        self,
        name: str,
        settings: BoardSettings,
        transport: Transport,
        sampled: Callable[[str, Sample], None],
        described: Callable[[Session], None],
        lost: Callable[[], None],
    ) -> None:
        self.name = name
        self.why = "it has not said hello yet"
        self.session: Session | None = None
        self.link: Link | None = None
        self.ready = threading.Event()
        self._settings = settings
        self._transport = transport
        self._sampled = sampled
        self._described = described
        self._lost = lost
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; may be called again."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name=self.name, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Put outputs to their safe values, end, and release the line; may be called again."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(END)
            self._thread = None
        self._transport.close()

    def _keep(self) -> None:
        """One session after the other."""
        wait = FIRST_WAIT
        while not self._ending.is_set():
            began = time.monotonic()
            try:
                self._one_session()
            except DeviceFault as error:
                self.why = error.message
                if self.ready.is_set():
                    log.warning("%s is lost: %s", self.name, error.message)
            except Exception:  # ours: the board is at its safe values soon, and is found again
                self.why = "of a fault of this program, which its log tells"
                log.exception("%s", self.name)
            finally:
                was_ready, self.session = self.ready.is_set(), None
                self.ready.clear()
                if was_ready:
                    self._lost()
            wait = FIRST_WAIT if time.monotonic() - began > END else min(2 * wait, LONGEST_WAIT)
            begun_anew = self.link is not None and self.link.lost
            self.link = None
            if not self._ending.wait(wait) and not begun_anew:  # it resets an Uno: why is forgotten
                self._reopen()

    def _reopen(self) -> None:
        if isinstance(self._transport, Reopenable):
            try:
                self._transport.reopen()
            except BusLost as error:
                self.why = error.message

    def _one_session(self) -> None:
        """Find the board, and keep it until it is lost or the end has come."""
        leaving = threading.Event()
        link = Link(
            self.name,
            self._transport,
            self._settings.timeout,
            lambda message, _: self._told(message),
        )
        failed: list[Exception] = []
        looker = threading.Thread(
            target=self._look, args=(link, leaving, failed), name=f"{self.name} line", daemon=True
        )
        looker.start()
        try:
            session = self._greeted(link, failed)
            self.session, self.link = session, link
            self._described(session)
            self.ready.set()
            while not self._ending.wait(TURN) and not failed:
                session.keep()
            if self._ending.is_set():
                _release(link)
            _raise_first(failed)
        finally:
            leaving.set()
            looker.join(END)

    def _greeted(self, link: Link, failed: list[Exception]) -> Session:
        """Return a session once the board is awake: its bootloader may wait first."""
        deadline = time.monotonic() + self._settings.wait
        while True:
            _raise_first(failed)
            try:
                return Session(self.name, link, self._settings.streams, self._sampled)
            except BoardSilent:
                if time.monotonic() > deadline or self._ending.is_set():
                    raise

    def _look(self, link: Link, leaving: threading.Event, failed: list[Exception]) -> None:
        """The line's thread."""
        while not leaving.is_set():
            try:
                link.look()
            except Exception as error:  # noqa: BLE001  the keeper has to know, whatever it is
                failed.append(error)
                return

    def _told(self, message: Message) -> None:
        session = self.session
        if session is not None:
            session.told(message)


def _raise_first(failed: list[Exception]) -> None:
    """Raise what has happened in the line's thread."""
    if failed:
        raise failed[0]


def _release(link: Link) -> None:
    """Put a board's outputs to their safe values, where it still hears."""
    try:
        link.stop()
    except DeviceFault as error:
        log.warning("%s", error)
