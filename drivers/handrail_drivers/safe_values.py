"""A device's safe values: written at every stop, and owed until they stand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from handrail_drivers.errors import (
    BusLost,
    DeviceFault,
    HandrailError,
    ModbusSilent,
    MotionStopped,
    NotArmed,
    Refused,
)

AGAIN = 0.1, 1.0  # s between two tries: the first, and the longest
END = 15.0  # s: longer than any exchange with its repetitions

log = logging.getLogger(__name__)


class SafeValues:
    """Writes safe values, and goes on trying in a thread where the device does not take them.

    From a stop on nothing else is written until they stand.

    Args:
        device: for sentences.
        names: of the registers that have one.
        write: writes one register's.
    """

    def __init__(self, device: str, names: tuple[str, ...], write: Callable[[str], object]) -> None:
        self._device, self._names, self._write = device, names, write
        self.stops = 0  # so far: what was asked for before one is not written after it
        self._owed: dict[str, str] = {}  # why, by name
        self._settling = threading.Lock()
        self._trying = threading.Lock()  # held to begin and to end the thread
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def stop(self) -> None:
        """Write all of them; what fails is tried again until :meth:`close`.

        Raises:
            DeviceFault: some could not be written yet; the sentence names them.
        """
        self._demand()
        self._settle()
        if self._owed:
            self._go_on()
            raise DeviceFault(self.owed, subject=self._device)

    def begin(self) -> None:
        """Have them written soon; does not wait."""
        self._demand()
        self._go_on()

    def require_none_owed(self) -> None:
        """Refuse what is not safe while a safe value is missing."""
        if self._owed:
            raise Refused(
                f"{self._sentence()}; until it has, nothing else is written.",
                field=next(iter(self._owed), ""),
                hint="it is tried again and again: look whether the device is on",
            )

    def require_no_stop_since(self, stops: int) -> None:
        """Refuse what was asked for before a stop."""
        if stops != self.stops:
            raise MotionStopped(f"{self._device} was stopped before this was written.")

    def close(self) -> None:
        """Write them a last time, and try no more.

        Raises:
            DeviceFault: some could not be written.
        """
        self.end()
        self._demand()
        self._settle()
        self._settle()  # one that alone is silent was in the way of the rest
        if self._owed:
            raise DeviceFault(self.owed, subject=self._device)

    def end(self) -> None:
        """Try no more; what is being written is waited for."""
        self._ending.set()
        if (thread := self._thread) is not None:
            thread.join(END)

    @property
    def owed(self) -> str:
        """What does not stand yet, in a sentence; empty where nothing is owed."""
        return f"{self._sentence()}." if self._owed else ""

    def _demand(self) -> None:
        self._owed = dict.fromkeys(self._names, "not tried yet")
        self.stops += 1  # only now: who counts afterwards finds that something is owed

    def _settle(self) -> None:
        """Write what is owed; one that is silent is not asked for the rest now."""
        with self._settling:
            stops = self.stops
            for name in tuple(self._owed):
                try:
                    self._write(name)
                except (ModbusSilent, BusLost) as error:
                    self._owe_last(name, error.message)
                    return
                except HandrailError as error:
                    self._owed[name] = error.message
                else:
                    if stops == self.stops:
                        self._owed.pop(name, None)

    def _owe_last(self, name: str, why: str) -> None:
        """Put it behind the rest, which is heard next time if we alone do not hear."""
        rest = {other: told for other, told in self._owed.items() if other != name}
        self._owed = {**rest, name: why}  # at once: others look whether nothing is owed

    def _go_on(self) -> None:
        with self._trying:
            if self._owed and self._thread is None and not self._ending.is_set():
                self._thread = threading.Thread(
                    target=self._run, name=f"{self._device} safe values", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        pause, longest = AGAIN
        while self._is_needed():
            self._settle()
            if self._owed and pause == AGAIN[0]:
                log.warning("%s", self._sentence())
            if self._owed:
                self._ending.wait(pause)
            pause = min(2 * pause, longest)

    def _is_needed(self) -> bool:
        with self._trying:
            if self._owed and not self._ending.is_set():
                return True
            self._thread = None
            return False

    def _sentence(self) -> str:
        owed = dict(self._owed)
        failed = "; ".join(f"{name} ({owed[name]})" for name in self._names if name in owed)
        return f"{self._device} has not got its safe values: {failed}"


def stopping(device: str, stop: Callable[[], object]) -> SafeValues:
    """Return what has a driver's ``stop`` called until it succeeds; a plugin may raise anything."""

    def write(_: str) -> None:
        try:
            stop()
        except HandrailError:
            raise
        except Exception as error:
            raise DeviceFault(f"{device}: {error!r}", subject=device) from error

    return SafeValues(device, ("stop",), write)


def kept_safe(what: str, **where: Any) -> NotArmed:
    """Return what to say to whom a stopped cell keeps from setting something."""
    hint = "an operator has to reset the cell first"
    return NotArmed(f"The cell is stopped: {what}.", hint=hint, **where)
