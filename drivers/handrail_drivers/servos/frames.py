"""What is said on a bus of servos, whatever family frames it. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """One valid frame. ``code``: the instruction of a request, what is wrong of an answer."""

    id: int
    code: int
    parameters: bytes


class SyncRead:
    """A sync read of some servos, with its request built once.

    Each answers with one frame: a head that says whose it is, its code, its bytes, a checksum.

    Args:
        request: its bytes.
        heads: of the answers, by servo id in the order in which they come.
        size: bytes of each servo.
        tail: bytes of the checksum.
        is_closed: whether a frame ends with its right checksum.
    """

    def __init__(
        self,
        request: bytes,
        heads: Mapping[int, bytes],
        size: int,
        tail: int,
        is_closed: Callable[[bytes], bool],
    ) -> None:
        self.request = request
        self.ids = tuple(heads)
        self.size = size
        self._is_closed = is_closed
        self._first = len(next(iter(heads.values()))) + 1  # of a frame's bytes, after its code
        self.frame_size = self._first + size + tail
        self.reply_size = len(heads) * self.frame_size
        starts = range(0, self.reply_size, self.frame_size)
        self._frames = [
            (head, start, start + self.frame_size)
            for head, start in zip(heads.values(), starts, strict=True)
        ]

    def split(self, reply: bytes) -> list[bytes]:
        """Return each servo's bytes out of a whole reply."""
        first = self._first
        return [reply[at + first : at + first + self.size] for _, at, _ in self._frames]

    def is_whole(self, reply: bytes) -> bool:
        """Whether a reply is exactly the expected frames, checksums included."""
        if len(reply) != self.reply_size:
            return False
        for head, start, end in self._frames:
            if not (reply.startswith(head, start) and self._is_closed(reply[start:end])):
                return False
        return True
