"""A line on which nothing is ever written, for looking at devices that nobody knows yet."""

from __future__ import annotations

from handrail_drivers.errors import BusLost, ModbusGarbled, ModbusSilent, Refused
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.frames import Request
from handrail_drivers.modbus.line import refused
from handrail_drivers.modbus.lines import LineSettings, opener
from handrail_drivers.modbus.wires import RtuWire, TcpWire, Wire

READS = frozenset((*frames.READS.values(), frames.IDENTIFY[0]))


class ReadOnlyLine:
    """One connection or serial line, for one thread. A request that is no read is not sent.

    Other than :class:`~handrail_drivers.modbus.line.Line` it leaves no silent unit alone: who
    searches asks again. Counts its ``requests``, and answers that came ``late``.
    """

    def __init__(self, settings: LineSettings) -> None:
        self.settings = settings
        self.requests = 0
        self._open_wire = opener(settings)
        self._wire: Wire | None = None
        self._late = 0

    def __enter__(self) -> ReadOnlyLine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def late(self) -> int:
        """Answers that came after their time."""
        return self._late + _dropped(self._wire)

    def ask(self, request: Request) -> bytes:
        """Return the answer to a read, asked again as often as the settings have it.

        Raises:
            Refused: it is no read.
            BusLost: the port or the connection cannot be opened.
            ModbusSilent: the unit does not answer, or closes the connection.
            ModbusGarbled: what it answers cannot be understood.
            ModbusException: it refuses.
        """
        if request.writes or request.body[0] not in READS:
            raise Refused(f"Function {request.body[0]} is no read: this line only reads.")
        for left in reversed(range(1 + self.settings.retries)):
            try:
                answer = self._exchange(request)
                break
            except (ModbusSilent, ModbusGarbled):
                if not left:
                    raise
        if code := frames.refusal(request, answer):
            raise refused(request, code)
        return answer

    def close(self) -> None:
        """Release the port or the connection; safe to call twice."""
        if self._wire is not None:
            self._late += _dropped(self._wire)
            self._wire.close()
            self._wire = None

    def _exchange(self, request: Request) -> bytes:
        wire = self._wire = self._wire or self._open_wire()
        self.requests += 1
        try:
            return wire.exchange(request, self.settings.timeout)
        except BusLost as error:
            self.close()  # opened anew for the next request
            raise ModbusSilent(
                f"Unit {request.unit} does not answer: {error.message}", value=request.unit
            ) from error
        except ModbusGarbled:
            if wire.broken:
                self.close()
            raise


def _dropped(wire: Wire | None) -> int:
    return wire.dropped if isinstance(wire, (TcpWire, RtuWire)) else 0
