"""Opens the lines of a cell: devices at one address share one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from handrail_drivers.errors import InvalidValue
from handrail_drivers.modbus.line import Line
from handrail_drivers.modbus.wires import RtuWire, TcpWire, Wire
from handrail_drivers.serial_port import SerialPort
from handrail_drivers.socket_port import SocketPort
from handrail_drivers.transport import Transport

ANY_SPEED = 115_200  # bit/s that a gateway's serial side is taken to have at least
MOST_PORT = 0xFFFF
Address = Annotated[str, Field(pattern=r"^[^:\s]+:\d{1,5}$")]
Parity = Literal["none", "even", "odd"]


class LineSettings(BaseModel):
    """A line and how to speak on it. Exactly one of tcp, rtu_over_tcp and port."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    tcp: Address | None = Field(default=None, description="host:port of a Modbus TCP device")
    rtu_over_tcp: Address | None = Field(default=None, description="host:port of a plain gateway")
    port: str | None = Field(default=None, description="device file of a serial line")
    baud: Annotated[int, Field(gt=0)] = Field(default=19200, description="bit/s")
    parity: Parity = Field(default="even", description="of a serial line")
    stop_bits: Literal[1, 2] = Field(default=1, description="of a serial line")
    timeout: Annotated[float, Field(gt=0, le=10)] = Field(default=0.5, description="s, one answer")
    frame_gap: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="s of silence between RTU frames; none: 3.5 characters"
    )
    retries: Annotated[int, Field(ge=0, le=5)] = Field(default=1, description="of reads alone")

    @model_validator(mode="after")
    def _has_one_line(self) -> LineSettings:
        given = [self.tcp, self.rtu_over_tcp, self.port]
        if sum(part is not None for part in given) != 1:
            raise ValueError("name one of tcp, rtu_over_tcp and port")
        address = self.tcp or self.rtu_over_tcp
        if address is not None and int(address.rpartition(":")[2]) > MOST_PORT:
            raise ValueError(f"{address}: a port is {MOST_PORT} at most")
        return self

    @property
    def shown(self) -> str:
        """The line in a few words, as ``/dev/ttyUSB0 19200 8E1``."""
        if self.port is None:
            return self.tcp or f"{self.rtu_over_tcp} (RTU)"
        return f"{self.port} {self.baud} 8{self.parity[0].upper()}{self.stop_bits}"

    def at(self, wire: str | None) -> Self:
        """Return the same at another address or port, of the same kind; None: at its own."""
        kinds = (kind for kind in ("tcp", "rtu_over_tcp", "port") if getattr(self, kind))
        return self if wire is None else self.model_copy(update={next(kinds): wire})


def line_settings(**given: Any) -> LineSettings:
    """Return the settings of a line.

    Raises:
        InvalidValue: one of them cannot be.
    """
    try:
        return LineSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise InvalidValue(f"{field or 'line'}: {said}.", field=field) from error


class Lines:
    """The lines that are in use. Nothing is opened before it is needed."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}
        self._spoken: dict[str, LineSettings] = {}  # how, by line

    def line(self, settings: LineSettings) -> Line:
        """Return the line of a device, the same one for the same address.

        Raises:
            InvalidValue: another device there has it spoken on otherwise.
        """
        name = settings.tcp or settings.rtu_over_tcp or settings.port or ""
        _require_alike(name, self._spoken.setdefault(name, settings), settings)
        if name not in self._lines:
            self._lines[name] = Line(name, opener(settings), settings.timeout, settings.retries)
        return self._lines[name]

    def close(self) -> None:
        """Close all of them; devices are closed before."""
        for line in self._lines.values():
            line.close()
        self._lines.clear()
        self._spoken.clear()


def _require_alike(name: str, first: LineSettings, other: LineSettings) -> None:
    for key in LineSettings.model_fields:
        if (value := getattr(other, key)) != (limit := getattr(first, key)):
            raise InvalidValue(
                f"Two devices share {name}; one has {key} = {limit}, the other {value}.",
                field=key,
                value=value,
                limit=limit,
                hint="give both the same line settings",
            )


def opener(settings: LineSettings) -> Callable[[], Wire]:
    """Return what opens a line; it raises BusLost where it cannot."""
    return lambda: _wire(ModbusKind.stream(settings), settings)


class ModbusKind:
    """The transport kind ``modbus``: settings that derive from :class:`LineSettings`."""

    @staticmethod
    def stream(settings: LineSettings) -> Transport:
        """Open the port or the connection."""
        if settings.port is not None:
            return SerialPort(settings.port, settings.baud, settings.parity, settings.stop_bits)
        host, _, port = (settings.tcp or settings.rtu_over_tcp or "").rpartition(":")
        return SocketPort(host, int(port))

    @staticmethod
    def over(open_stream: Callable[[], Transport], settings: LineSettings) -> Line:
        """Return a line of its own, opened when it is needed."""
        name = settings.tcp or settings.rtu_over_tcp or settings.port or ""
        return Line(
            name,
            lambda: _wire(open_stream(), settings),
            settings.timeout,
            settings.retries,
            pauses=False,
        )

    @staticmethod
    def at(settings: LineSettings, address: str) -> LineSettings:
        """Return the settings at another address of the same kind."""
        return settings.at(address)


def _wire(stream: Transport, settings: LineSettings) -> Wire:
    if settings.tcp is not None:
        return TcpWire(stream)
    baud = settings.baud if settings.port is not None else ANY_SPEED
    return RtuWire(stream, baud, settings.frame_gap)
