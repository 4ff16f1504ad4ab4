"""Captures: what passed on a wire, as a file that can be sent with a bug report (docs/capture.md).

Lines of JSON. The first is the header; each of the others ``[time_ns, way, hex]``: monotonic time
since the first byte, ``>`` to the device or ``<`` from it, and the bytes.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TextIO

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handrail_drivers.errors import InvalidRequest
from handrail_drivers.transport import Transport

FORMAT = 1
Way = Literal[">", "<"]


class Entry(NamedTuple):
    """Some bytes. ``way``: ``>`` to the device, ``<`` from it."""

    time_ns: int
    way: Way
    data: bytes


class Header(BaseModel):
    """What was captured."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    handrail_capture: Literal[1] = Field(default=1, description="version of the format")
    device: str = Field(default="", description="its name")
    driver: str = Field(default="", description="who spoke, where that is known")
    line: Literal["serial", "socket"] = Field(default="serial", description="what carried it")
    address: str = Field(default="", description="port, or host:port")
    baud: Annotated[int, Field(gt=0)] | None = Field(default=None, description="bit/s")
    handrail: str = Field(default="", description="version")
    note: str = Field(default="", description="what whoever captured it wants to say")


class Capture(NamedTuple):
    """A whole capture."""

    header: Header
    entries: tuple[Entry, ...]


class CaptureWriter:
    """Writes a capture as it happens; every line is on its way to the disk at once.

    Args:
        target: an open text file.
        header: what is captured; the version is filled in.
        clock: monotonic time [ns].
    """

    def __init__(
        self, target: TextIO, header: Header, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._target = target
        self._clock = clock
        self._began: int | None = None
        self._lock = threading.Lock()  # both ways may be written from threads of their own
        self.count = 0
        whole = header.model_copy(update={"handrail": _version()})
        self._line(whole.model_dump(exclude_defaults=True) | {"handrail_capture": FORMAT})

    def note(self, way: Way, data: bytes) -> None:
        """Write what has passed now."""
        if not data:
            return
        with self._lock:
            now = self._clock()
            self._began = now if self._began is None else self._began
            self._line([now - self._began, way, data.hex()])
            self.count += 1

    def _line(self, value: Any) -> None:
        self._target.write(json.dumps(value) + "\n")
        self._target.flush()


class Recorder:
    """A :class:`~handrail_drivers.transport.Transport` that writes down what passes on another."""

    def __init__(self, transport: Transport, writer: CaptureWriter) -> None:
        self._transport = transport
        self._writer = writer

    def write(self, data: bytes) -> None:
        """Send data, and note it."""
        self._writer.note(">", bytes(data))
        self._transport.write(data)

    def read(self, size: int, timeout_s: float) -> bytes:
        """Read, and note what came."""
        data = self._transport.read(size, timeout_s)
        self._writer.note("<", data)
        return data

    def discard_input(self) -> None:
        """Drop what was received; what nobody reads is not noted."""
        self._transport.discard_input()

    def close(self) -> None:
        """Release the port."""
        self._transport.close()


def load_capture(path: Path) -> Capture:
    """Read a capture.

    Raises:
        InvalidRequest: it cannot be read, or it is none; the line is named.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}.", field="file") from error
    if not lines:
        raise InvalidRequest(f"{path} is empty.", field="file")
    try:
        header = Header.model_validate_json(lines[0])
        if "handrail_capture" not in json.loads(lines[0]):
            raise ValueError("its first line is no header")
        return Capture(header, tuple(_entries(lines[1:])))
    except (ValidationError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise InvalidRequest(
            f"{path} is no capture: {said}.", field="file", hint="see docs/capture.md"
        ) from error


def _entries(lines: Iterable[str]) -> Iterable[Entry]:
    last = 0
    for number, line in enumerate(lines, start=2):
        try:
            time_ns, way, data = json.loads(line)
            entry = Entry(int(time_ns), way, bytes.fromhex(data))
        except (ValueError, TypeError) as error:
            raise ValueError(f"line {number}: {error}") from error
        if way not in (">", "<") or entry.time_ns < last:
            raise ValueError(f"line {number}: wrong way, or a time that runs backwards")
        last = entry.time_ns
        yield entry


def _version() -> str:
    try:
        return version("handrail")
    except PackageNotFoundError:
        return ""
