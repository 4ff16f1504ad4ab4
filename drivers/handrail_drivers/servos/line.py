"""One exchange at a time on a bus of servos: request, reply, named faults, retries.

Waits in the transport for the whole expected reply at once; never polls. A reply that
comes after its timeout must not be taken for the answer to the next request: after a
failed exchange the line is read until it is quiet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from handrail_drivers.errors import DeviceFault, ServoGarbled, ServoSilent
from handrail_drivers.servos.frames import Frame, SyncRead
from handrail_drivers.transport import Transport

T = TypeVar("T")
QUIET = 0.002  # s without a byte after which a late reply is over
QUIET_LIMIT = 0.02  # s after which a line that never falls quiet is not waited for

PING, READ, WRITE = 0x01, 0x02, 0x03  # instructions, the same in all dialects
CHUNK = 256  # bytes read at once while waiting for quiet


class Parser(Protocol):
    """Finds frames in a stream that may start anywhere and hold anything."""

    skipped: int  # bytes that belonged to no valid frame
    garbled: list[int]  # ids on frames with a wrong checksum

    @property
    def pending(self) -> int:
        """Bytes of a frame that has begun and is not complete."""

    def feed(self, data: bytes) -> Sequence[Frame]:
        """Take more bytes, return the frames that they complete."""


class Dialect(Protocol):
    """How a family of servos frames what is said."""

    overhead: int  # bytes of a status frame without parameters
    ping_size: int  # bytes of parameters that a ping is answered with

    def request(self, id: int, instruction: int, parameters: bytes) -> bytes:
        """Return the bytes of a request."""

    def status(self, id: int, code: int, parameters: bytes) -> bytes:
        """Return a status frame as a whole reply to a sync read lays it out."""

    def span(self, address: int, size: int) -> bytes:
        """Return the parameters that read so many bytes from an address on."""

    def place(self, address: int) -> bytes:
        """Return what precedes bytes that are written at an address."""

    def parser(self) -> Parser:
        """Return a fresh parser."""


class ServoLine:
    """Talks to servos by id over a transport, and names them by joint in every error.

    Args:
        name: the device's name, for errors.
        dialect: of its servos.
        transport: the wire.
        joints: joint name by servo id.
        baud: bit/s of the line, for the time that a reply needs.
        margin: s that a reply may take beyond its time on the wire.
        retries: how often a failed exchange outside of the cycle is repeated.
        clock: ns.
    """

    def __init__(
        self,
        name: str,
        dialect: Dialect,
        transport: Transport,
        joints: Mapping[int, str],
        baud: int,
        margin: float,
        retries: int,
        clock: Callable[[], int],
    ) -> None:
        self.name = name
        self.retries = 0  # exchanges repeated so far
        self.stale_bytes = 0  # bytes dropped because they answered nothing that was asked
        self._dialect = dialect
        self._transport = transport
        self._joints = dict(joints)
        self._byte_time = 10 / baud
        self._margin = margin
        self._most_retries = retries
        self._clock = clock
        self._unclear = False  # a failed exchange may have left bytes on their way

    def find_all(self) -> None:
        """Ping every servo.

        Raises:
            ServoSilent: names all that do not answer.
        """
        missing = [id for id in self._joints if not self._answers(id)]
        if missing:
            raise self._silent(missing)

    def ping(self, id: int) -> None:
        """Ask a servo whether it is there.

        Raises:
            ServoSilent, ServoGarbled, BusLost: no, or not understandably.
        """
        self._ask(id, PING, b"", self._dialect.ping_size)

    def read(self, id: int, address: int, size: int) -> Frame:
        """Return a servo's reply with size bytes from address as parameters."""
        return self._ask(id, READ, self._dialect.span(address, size), size)

    def write(self, id: int, address: int, data: bytes) -> None:
        """Write bytes at an address of one servo and wait for its acknowledgement."""
        self._ask(id, WRITE, self._dialect.place(address) + data, 0)

    def send(self, request: bytes) -> None:
        """Send a request that no servo answers (sync write)."""
        self._transport.write(request)

    def tell(self, id: int, instruction: int) -> None:
        """Send a request without parameters; an answer is not waited for."""
        self._transport.write(self._dialect.request(id, instruction, b""))
        self._unclear = True

    def sync(self, query: SyncRead) -> bytes:
        """Return the replies to a sync read: one frame a servo, in order, all checked."""
        return self._repeat(
            lambda: self._sync_once(query), self._most_retries, (ServoGarbled, ServoSilent)
        )

    def cyclic(self, query: SyncRead) -> bytes:
        """Like :meth:`sync`, for a tick: a garbled reply is repeated once, silence is not."""
        try:
            return self._sync_once(query)
        except ServoGarbled:
            self.retries += 1
        return self._sync_once(query)

    def _repeat(
        self, exchange: Callable[[], T], repeats: int, faults: tuple[type[DeviceFault], ...]
    ) -> T:
        doubt = False
        for left in range(repeats, -1, -1):
            try:
                result = exchange()
            except faults as fault:
                if not left:
                    raise
                self.retries += 1
                doubt = doubt or isinstance(fault, ServoSilent)
            else:
                self._unclear |= doubt  # this may have been the late reply to the try before
                return result
        raise AssertionError("unreachable")

    def _sync_once(self, query: SyncRead) -> bytes:
        deadline = self._begin(query.request, query.reply_size)
        reply = self._transport.read(query.reply_size, self._left(deadline))
        if query.is_whole(reply):
            return reply
        return self._sort_out(query, reply, deadline)

    def _sort_out(self, query: SyncRead, reply: bytes, deadline: float) -> bytes:
        """Pick the expected frames out of a reply that is short, late or has foreign bytes."""
        parser = self._dialect.parser()
        found = self._collect(query, parser, reply)
        received = len(reply)
        while len(found) < len(query.ids) and not parser.garbled and self._left(deadline) > 0:
            missing = (len(query.ids) - len(found)) * query.frame_size - parser.pending
            more = self._transport.read(max(missing, 1), self._left(deadline))
            if not more:
                break
            found |= self._collect(query, parser, more)
            received += len(more)
        self._unclear = received != query.reply_size  # else nothing is on its way any more
        self.stale_bytes += parser.skipped
        missing_ids = [id for id in query.ids if id not in found]
        if missing_ids:
            raise self._fault(missing_ids, parser)
        return b"".join(
            self._dialect.status(id, found[id].code, found[id].parameters) for id in query.ids
        )

    @staticmethod
    def _collect(query: SyncRead, parser: Parser, data: bytes) -> dict[int, Frame]:
        frames = parser.feed(data)
        return {
            frame.id: frame
            for frame in frames
            if frame.id in query.ids and len(frame.parameters) == query.size
        }

    def _ask(self, id: int, instruction: int, parameters: bytes, size: int) -> Frame:
        request = self._dialect.request(id, instruction, parameters)
        return self._repeat(
            lambda: self._ask_once(id, request, size),
            self._most_retries,
            (ServoGarbled, ServoSilent),
        )

    def _ask_once(self, id: int, request: bytes, size: int) -> Frame:
        deadline = self._begin(request, self._dialect.overhead + size)
        parser = self._dialect.parser()
        wanted = self._dialect.overhead + size
        while self._left(deadline) > 0 and not parser.garbled:
            data = self._transport.read(max(wanted - parser.pending, 1), self._left(deadline))
            if not data:
                break
            for frame in parser.feed(data):
                if frame.id == id and len(frame.parameters) == size:
                    return frame
                self.stale_bytes += self._dialect.overhead + len(frame.parameters)
        self._unclear = True
        raise self._fault([id], parser)

    def _begin(self, request: bytes, reply_size: int) -> float:
        """Send a request on a quiet line; return the time [s, monotonic] when a reply is late."""
        if self._unclear:
            self._wait_for_quiet()
        else:
            self._transport.discard_input()
        self._transport.write(request)
        wire_time = (len(request) + reply_size) * self._byte_time
        return self._now() + wire_time + self._margin

    def _wait_for_quiet(self) -> None:
        limit = self._now() + QUIET_LIMIT
        while self._now() < limit:
            late = self._transport.read(CHUNK, QUIET)
            self.stale_bytes += len(late)
            if not late:
                break
        self._unclear = False

    def _fault(self, ids: list[int], parser: Parser) -> DeviceFault:
        if not (parser.garbled or parser.skipped or parser.pending):
            return self._silent(ids)
        joint = self._joints.get(ids[0], str(ids[0]))
        return ServoGarbled(
            f"{self.name}: {joint} (id {ids[0]}) answered with something that is no valid frame.",
            subject=joint,
            hint="check the cable and the baud rate, and that no two servos share an id",
        )

    def _silent(self, ids: list[int]) -> ServoSilent:
        names = [f"{self._joints.get(id, 'servo')} (id {id})" for id in ids]
        rest = f"; nor do {', '.join(names[1:])}" if len(names) > 1 else ""
        return ServoSilent(
            f"{self.name}: {names[0]} does not answer{rest}.",
            subject=self._joints.get(ids[0], str(ids[0])),
            hint="check its power, its cable and its id",
        )

    def _answers(self, id: int) -> bool:
        try:
            self.ping(id)
        except ServoSilent:
            return False
        return True

    def _now(self) -> float:
        return self._clock() * 1e-9

    def _left(self, deadline: float) -> float:
        return max(0.0, deadline - self._now())
