"""The host port as a process in virtual time: what tests say to it, and what it did."""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

from handrail.v1.link_layout import Ack, Arm, Command, Greet, Hello, Message, SetStream
from handrail_drivers.board.frames import Splitter, frame, guarded

FIRMWARE = Path(__file__).parents[1] / "firmware"
CORE = FIRMWARE / "core"
FILES = ("frame", "line", "board", "outputs", "streams", "kinds", "stepper")
TIMEOUT = 30

# Pins of ports/host/pins.h, and channels of apps/desk.c.
RED, YELLOW, GREEN, STOP, DISTANCE, PUSHER, BUZZER, STEP, DIRECTION, A, B, PIECES = range(12)
LAMP_RED, LAMP_YELLOW, LAMP_GREEN, STOP_CHANNEL, DISTANCE_CHANNEL = range(5)
PUSHER_CHANNEL, BUZZER_CHANNEL, TURNTABLE, WHEEL, PIECES_CHANNEL, TEMPERATURE = range(5, 11)
LAMP_AGE = 2_000_000  # us, of apps/desk.c
MOVE_AGE = 300_000  # likewise
TURN = 50  # us of ports/host/main.c
ANSWER = 1000  # us that say() lets pass


def compiled(out: Path, *flags: str, app: Path = FIRMWARE / "apps" / "desk.c") -> Path:
    """Compile the host port of an application."""
    port = FIRMWARE / "ports" / "host"
    sources = [*(CORE / f"{name}.c" for name in FILES), app, port / "port.c", port / "main.c"]
    include = [f"-I{CORE}", f"-I{port}"]
    warnings = ["-std=c11", "-Wall", "-Wextra", "-Werror"]
    command = ["gcc", *warnings, *flags, *include, *map(str, sources), "-o", str(out)]
    subprocess.run(command, check=True, timeout=120)
    return out


def another_app(folder: Path) -> Path:
    """Write the desk's application with a blue lamp in place of the green one; return its file."""
    apps = FIRMWARE / "apps"
    parts = (apps / "parts.h").read_text()
    assert '"lamp_green"' in parts
    (folder / "parts.h").write_text(parts.replace('"lamp_green"', '"lamp_blue"'))
    other = folder / "other.c"
    other.write_text((apps / "desk.c").read_text())
    return other


@dataclass(frozen=True)
class Change:
    """An output that changed, by the board's own clock [us]."""

    kind: str
    pin: int
    value: int
    time: int


class VirtualBoard:
    """One process; a context manager."""

    def __init__(self, program: Path, session: int = 0x5EED) -> None:
        self._process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._splitter = Splitter()
        self.session = session
        self.changes: list[Change] = []
        self.sequence = random.Random(session).randrange(0x10000)

    def __enter__(self) -> VirtualBoard:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        assert self._process.wait(TIMEOUT) == 0  # a sanitizer's finding is another status
        self._process.stdout.close()

    def order(self, line: str) -> list[Message]:
        """Give an order of ports/host/main.c; return what the board said on the line."""
        self._process.stdin.write(line + "\n")
        found: list[Message] = []
        while (answer := self._process.stdout.readline()) != ".\n":
            assert answer, "the board has died"
            kind, *parts = answer.split()
            if kind == "tx":
                found += self._splitter.feed(bytes.fromhex(parts[0]))
            elif kind == "level":
                self.level_read = int(parts[1])
            else:
                self.changes.append(Change(kind, *map(int, parts)))
        assert self._splitter.broken == 0
        return found

    def run(self, us: int) -> list[Message]:
        """Let virtual time pass."""
        return self.order(f"run {us}")

    def level(self, pin: int) -> int:
        self.order(f"level {pin}")
        return self.level_read

    def octets(self, octets: bytes) -> list[Message]:
        """Give octets to the line, and time to answer."""
        self.order(f"rx {octets.hex()}")
        return self.run(1000)

    def say(self, *messages: Message) -> list[Message]:
        return self.octets(b"".join(map(frame, messages)))

    def greet(self, major: int = 1, minor: int = 0, features: int = 3) -> Hello:
        answers = self.say(Greet(major, minor, features, self.session))
        return next(one for one in answers if isinstance(one, Hello))

    def sealed(self, kind: type, *fields: int) -> Message:
        """The next command of this session."""
        self.sequence = (self.sequence + 1) % 0x10000
        return guarded(kind(self.sequence, *fields, 0), self.session)

    def act(self, kind: type, *fields: int) -> Ack:
        """Send a command; return its acknowledgement."""
        answers = self.say(self.sealed(kind, *fields))
        return next(one for one in answers if isinstance(one, Ack))

    def set(self, channel: int, value: int) -> Ack:
        return self.act(Command, channel, value)

    def arm(self) -> Ack:
        return self.act(Arm)

    def stream(self, channel: int, period_us: int, patience_ms: int = 1000) -> Ack:
        return self.act(SetStream, channel, period_us, patience_ms)
