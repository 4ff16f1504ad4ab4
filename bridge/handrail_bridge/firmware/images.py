"""The images that were flashed: kept, so that there is a way back."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from handrail_drivers.errors import InvalidRequest, Refused
from handrail_drivers.serial_port import BY_ID

RECORD = "ports.json"
LONGEST = 4 << 20  # octets


@dataclass(frozen=True, slots=True)
class Flashed:
    """What is on a board (empty: in part another one), and before: images' digests."""

    now: str
    before: str = ""


class Images:
    """Images by their digest, and which a board of a kind at a port has, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "images"
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._record = folder / RECORD

    def keep(self, image: Path) -> str:
        """Keep a copy of an image; return its digest.

        Raises:
            InvalidRequest: it cannot be read, or is no image.
        """
        try:
            data = image.read_bytes()
        except OSError as error:
            raise InvalidRequest(
                f"{image} cannot be read: {error.strerror}.", field="image"
            ) from None
        if not 0 < len(data) <= LONGEST:
            raise InvalidRequest(
                f"{image} is no image of a board.", field="image", value=len(data), limit=LONGEST
            )
        digest = hashlib.sha256(data).hexdigest()
        kept = self._folder / f"{digest}{image.suffix}"
        if not kept.exists():
            fresh = kept.with_suffix(".new")
            fresh.write_bytes(data)
            fresh.replace(kept)
        return digest

    def path(self, digest: str) -> Path:
        """Return where an image is kept.

        Raises:
            Refused: it is not.
        """
        found = [path for path in self._folder.glob(f"{digest}.*") if path.suffix != ".new"]
        if not digest or not found:
            raise Refused(
                "No image of before is kept for this kind of board at this port.",
                field="previous",
                hint="name one with --image",
            )
        return found[0]

    def of(self, board: str, port: str) -> Flashed:
        """Return what is known of a board of this kind at a port; nothing: empty digests."""
        return Flashed(**self._all().get(_key(board, port), {"now": ""}))

    def begins(self, board: str, port: str) -> None:
        """Write down that an image is being overwritten: what was there is the one of before."""
        known = self.of(board, port)
        self._put(_key(board, port), Flashed("", known.now or known.before))

    def flashed(self, board: str, port: str, digest: str, known: Flashed) -> Flashed:
        """Write down that a board has an image; the same again changes nothing.

        ``known``: what it had before that began.
        """
        before = known.before if known.now in (digest, "") else known.now
        has = Flashed(digest, "" if before == digest else before)
        self._put(_key(board, port), has)
        return has

    def _put(self, key: str, has: Flashed) -> None:
        every = self._all() | {key: asdict(has)}
        fresh = self._record.with_suffix(".new")
        fresh.write_text(json.dumps(every, indent=1))
        fresh.replace(self._record)

    def _all(self) -> dict[str, dict[str, str]]:
        if not self._record.exists():
            return {}
        found: dict[str, dict[str, str]] = json.loads(self._record.read_text())
        return found


def _key(board: str, port: str) -> str:
    """By whichever link a port is named; where one outlives another plug, by that one."""
    real = os.path.realpath(port)
    lasting = sorted(str(link) for link in BY_ID.glob("*") if os.path.realpath(link) == real)
    return f"{board} {lasting[0] if lasting else real}"
