"""A serial port as a transport: exclusive, with timeouts, and clear when the port goes.

The only module that imports pyserial, which opens, locks and configures. Waiting goes
straight to the descriptor: the terminal's VMIN lets the kernel wake us once a whole reply,
not once a chunk.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import fcntl
import os
import select
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import serial
from pydantic import BaseModel
from serial.tools import list_ports

from handrail_drivers.errors import BusLost
from handrail_drivers.transport import Transport

Parity = Literal["none", "even", "odd"]

WRITE_TIMEOUT = 0.05  # s until a line that takes no bytes counts as lost
MOST_AT_ONCE = 255  # bytes, the largest VMIN
PARITIES = {"none": serial.PARITY_NONE, "even": serial.PARITY_EVEN, "odd": serial.PARITY_ODD}
BY_ID = Path("/dev/serial/by-id")
REAL_PORTS = ("/dev/ttyUSB", "/dev/ttyACM", "/dev/ttyAMA")
PSEUDO = "/dev/pts/"  # where pseudo-terminals are
CONTROL = 6  # index of the control characters in a termios attribute list


class SerialPort:
    """A :class:`~handrail_drivers.transport.Transport` over a serial port, or a terminal.

    Holds an exclusive lock (flock) while it is open. That binds those alone who ask for it, so a
    real port is closed to everybody else as well (TIOCEXCL), root excepted.

    Args:
        path: device file, such as ``/dev/ttyACM0``.
        baud: bit/s; 8 data bits.
        parity: none, even or odd.
        stop_bits: 1 or 2.

    Raises:
        BusLost: there is no such port, it may not be opened, or another process holds it.
    """

    def __init__(self, path: str, baud: int, parity: Parity = "none", stop_bits: int = 1) -> None:
        self.path = path
        self._port = _open(path, baud, parity, stop_bits)
        self._descriptor = self._port.fileno()
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)
        self._attributes = termios.tcgetattr(self._descriptor)
        self._wake_size = 0
        self._wake_at(1)  # of none, reading nothing would look like the end

    def write(self, data: bytes) -> None:
        """Send all of data, or raise BusLost."""
        rest = memoryview(data)
        deadline = time.monotonic() + WRITE_TIMEOUT
        while rest:
            try:
                rest = rest[os.write(self._open_descriptor(), rest) :]
            except BlockingIOError:
                self._wait_for_room(deadline)
            except OSError as error:
                raise self._lost(error) from error

    def read(self, size: int, timeout_s: float) -> bytes:
        """Return up to size bytes; fewer once timeout_s [s] has passed."""
        deadline = time.monotonic() + timeout_s
        data = b""
        while True:
            if (left := deadline - time.monotonic()) > 0:  # who only looks changes no terminal
                self._wait_for(size - len(data), left)
            data += self._take(size - len(data))
            if len(data) == size or time.monotonic() >= deadline:
                return data

    def discard_input(self) -> None:
        """Drop what was received and not yet read."""
        try:
            termios.tcflush(self._open_descriptor(), termios.TCIFLUSH)
        except termios.error as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Release the port and its lock; safe to call twice."""
        if self._descriptor >= 0:
            with contextlib.suppress(BusLost):  # gone: nobody finds it as it was
                self._wake_at(1)  # what we wait for is no other program's: it would wake too late
        self._descriptor = -1
        self._port.close()

    def _wait_for(self, size: int, timeout_s: float) -> None:
        """Wait until so many bytes are there; the kernel counts, up to 255."""
        self._wake_at(min(size, MOST_AT_ONCE))
        try:
            self._poll.poll(timeout_s * 1000)
        except OSError as error:
            raise self._lost(error) from error

    def _wake_at(self, size: int) -> None:
        descriptor = self._open_descriptor()
        if size == self._wake_size:
            return
        self._attributes[CONTROL][termios.VMIN] = size
        self._attributes[CONTROL][termios.VTIME] = 0
        try:
            termios.tcsetattr(descriptor, termios.TCSANOW, self._attributes)
        except termios.error as error:
            raise self._lost(error) from error
        self._wake_size = size

    def _take(self, size: int) -> bytes:
        """Return up to size bytes of those that are there, in as many pieces as they come."""
        data = b""
        while len(data) < size:
            try:
                part = os.read(self._open_descriptor(), size - len(data))
            except BlockingIOError:
                break
            except OSError as error:
                raise self._lost(error) from error
            if not part:  # end of file: the other side has closed
                raise self._lost(None)
            data += part
        return data

    def _wait_for_room(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        room = select.select([], [self._open_descriptor()], [], max(left, 0))[1]
        if not room:
            raise BusLost(f"The port {self.path} takes no more bytes.", subject=self.path)

    def _open_descriptor(self) -> int:
        if self._descriptor < 0:
            raise BusLost(f"The port {self.path} is closed.", subject=self.path)
        return self._descriptor

    def _lost(self, error: OSError | termios.error | None) -> BusLost:
        reason = os.strerror(error.args[0]) if error else "end of file"
        return BusLost(
            f"The port {self.path} is gone: {reason}.",
            subject=self.path,
            hint="check the cable and the power; once it is back, the device reconnects disarmed",
        )


class KeptPort:
    """A port that is opened again and again, and of which the board behind it notices once.

    Where it is opened, DTR is raised, and where its last holder closes it, dropped: many boards
    begin anew at that. Here one descriptor stays open meanwhile.

    Raises:
        BusLost: the port cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError as error:
            raise _not_opened(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def at(self, baud: int) -> SerialPort:
        """Open it at a rate [bit/s]; what was opened before is closed.

        Raises:
            BusLost: it is gone, or another process holds it.
        """
        with contextlib.suppress(OSError):  # unplugged: opening it says so
            fcntl.ioctl(self._descriptor, termios.TIOCNXCL)  # it outlasts who asked for it
        return SerialPort(self._path, baud)

    def lock(self) -> None:
        """Keep every SerialPort out; what asks for no lock can open it.

        Raises:
            BusLost: another process holds it.
        """
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _not_opened(self._path, error) from error


def usb_ports() -> dict[str, str]:
    """Return the ports of USB devices, and what they say they are."""
    return {port.device: port.description for port in list_ports.comports() if port.vid is not None}


def _open(path: str, baud: int, parity: Parity, stop_bits: int) -> serial.Serial:
    is_pseudo = os.path.realpath(path).startswith(PSEUDO)
    if is_pseudo:
        parity = "none"  # it has none, and asked for it twice the C library refuses
    try:
        port = serial.Serial(
            path, baud, parity=PARITIES[parity], stopbits=stop_bits, timeout=0, exclusive=True
        )
    except (serial.SerialException, ValueError, OSError, termios.error) as error:
        raise _not_opened(path, error) from error
    if not is_pseudo:  # whose other end keeps it open: it would outlast a process that was killed
        try:
            fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
        except OSError as error:  # unplugged just now
            port.close()
            raise _not_opened(path, error) from error
    # A USB adapter's setting, which terminals do not have.
    with contextlib.suppress(OSError, ValueError, NotImplementedError):
        port.set_low_latency_mode(True)
    return port


def _not_opened(path: str, error: Exception) -> BusLost:
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        present = [port.device for port in list_ports.comports()]
        near = difflib.get_close_matches(path, present, n=1)
        return BusLost(
            f"There is no port {path}.",
            subject=path,
            choices=present,
            hint=f"use {near[0]!r}" if near else "plug the device in and check its power",
        )
    if number in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EBUSY) or "lock" in str(error):
        return BusLost(
            f"The port {path} is held by another process.",
            subject=path,
            hint="end that process: a bus has one owner",
        )
    if number == errno.EACCES:
        hint = "join the group that owns it (often dialout)"
        return BusLost(f"The port {path} may not be opened.", subject=path, hint=hint)
    return BusLost(f"The port {path} cannot be opened: {error}.", subject=path)


class SerialKind:
    """The transport kind ``serial``: settings with ``port`` and ``baud``, perhaps ``parity``."""

    @staticmethod
    def stream(settings: Any) -> SerialPort:
        """Open the port."""
        line = {key: value for key, value in settings if key in ("parity", "stop_bits")}
        return SerialPort(settings.port, settings.baud, **line)

    @staticmethod
    def over(open_stream: Callable[[], Transport], settings: Any) -> Transport:
        """Return the open stream itself."""
        del settings
        return open_stream()

    @staticmethod
    def at(settings: BaseModel, address: str) -> BaseModel:
        """Return the settings with another port."""
        return settings.model_copy(update={"port": address})


class Adapter(NamedTuple):
    """A serial port of this machine, and what its USB adapter says of itself; 0, empty: nothing."""

    path: str
    vendor: int
    product: int
    serial_number: str
    description: str


def adapters() -> list[Adapter]:
    """Return the serial ports that are plugged in, by names that survive a re-plug where known."""
    stable = {str(link.resolve()): str(link) for link in BY_ID.glob("*")} if BY_ID.is_dir() else {}
    return [
        Adapter(
            stable.get(port.device, port.device),
            port.vid or 0,
            port.pid or 0,
            port.serial_number or "",
            port.description or "",
        )
        for port in sorted(list_ports.comports())
        if port.vid is not None or port.device.startswith(REAL_PORTS)
    ]
