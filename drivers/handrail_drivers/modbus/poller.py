"""Reads registers again and again at their own rates, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from handrail_drivers.errors import DeviceFault, UnknownName
from handrail_drivers.modbus.codec import Value
from handrail_drivers.modbus.registers import Look

END = 15.0  # s: longer than any exchange with its retries

log = logging.getLogger(__name__)


class Poller:
    """The newest values of some registers. A time that was missed is skipped, never made up for.

    Args:
        device: for the log.
        rates: Hz by register.
        look: reads what it can of some registers.
    """

    def __init__(
        self,
        device: str,
        rates: Mapping[str, float],
        look: Callable[[Iterable[str]], Look],
    ) -> None:
        self.names = tuple(rates)
        self._rates = rates
        self._device = device
        self._together: dict[float, tuple[str, ...]] = {  # by their period [s]
            1.0 / rate: tuple(name for name in rates if rates[name] == rate)
            for rate in dict.fromkeys(rates.values())
        }
        self._look = look
        self._newest: dict[str, tuple[Value, int]] = {}
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, where there is something to poll."""
        if self.names and self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._device, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End, once the present exchange has ended; may be called again."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join(END)
            self._thread = None

    def newest(self, name: str) -> tuple[Value, int]:
        """Return a register's newest value, and when [ns] it was asked for; 0: never.

        Raises:
            UnknownName: it is not polled.
        """
        if name not in self._rates:
            raise UnknownName("polled register", name, self.names, name)
        return self._newest.get(name, (0.0, 0))

    def _run(self) -> None:
        due = dict.fromkeys(self._together, 0.0)
        before = ""
        while not self._ending.is_set():
            now = time.monotonic()
            periods = [period for period, at in due.items() if at <= now]
            if periods:
                failed = self._take(sum((self._together[period] for period in periods), ()))
                if failed and not before:
                    log.warning("%s cannot be polled: %s", self._device, failed)
                before = failed
                for period in periods:
                    missed = max(0.0, (now - due[period]) // period) if due[period] else 0.0
                    due[period] = (due[period] or now) + (missed + 1) * period
            self._ending.wait(max(0.0, min(due.values()) - time.monotonic()))

    def _take(self, names: tuple[str, ...]) -> str:
        """Read some registers and keep their values; return why some have none."""
        asked_ns = time.monotonic_ns()  # the values are at least as young as this
        try:
            look = self._look(names)
        except DeviceFault as error:
            return str(error)
        except Exception as error:  # ours: it must not end the polling for good
            log.exception("polling %s failed", self._device)
            return repr(error)
        self._newest.update({name: (value, asked_ns) for name, value in look.values.items()})
        return "; ".join(map(str, look.faults.values()))
