"""What is said on a bus of servos, whatever family frames it. Pure, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct


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
        are_right: whether all checksums are, by what follows the heads.
    """

    def __init__(
        self,
        request: bytes,
        heads: Mapping[int, bytes],
        size: int,
        tail: int,
        are_right: Callable[[Sequence[bytes]], bool],
    ) -> None:
        self.request = request
        self.ids = tuple(heads)
        self.size = size
        self._heads = tuple(heads.values())
        self._are_right = are_right
        # Taken apart in one call: a tick has no time for a slice a servo.
        head, rest = len(self._heads[0]), 1 + size + tail
        self._layout = Struct(f"{head}s{rest}s" * len(heads))
        self.frame_size = head + rest
        self.reply_size = self._layout.size

    def split(self, reply: bytes) -> list[bytes]:
        """Return each servo's bytes out of a whole reply."""
        return [rest[1 : 1 + self.size] for rest in self._layout.unpack(reply)[1::2]]

    def is_whole(self, reply: bytes) -> bool:
        """Whether a reply is exactly the expected frames, checksums included."""
        if len(reply) != self.reply_size:
            return False
        parts = self._layout.unpack(reply)
        return parts[::2] == self._heads and self._are_right(parts[1::2])
