"""A board of the cell as real machine code: an Uno on simavr, its pins wired into the world.

The harness (``firmware/emulators``) is a process with a pseudo-terminal of its own; what the pins
do, it tells on its standard output, and what they feel, it is told on its standard input.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Self

from handrail_drivers.emulator import Place, StandIn, StandInSettings, World
from handrail_drivers.errors import ProcessLost
from pydantic import BaseModel, ConfigDict, Field

FIRMWARE = Path(__file__).parents[3] / "firmware"
BUILT = FIRMWARE / "build"
NEEDED = ("avr-gcc", "gcc", "make")
SIMAVR = Path("/usr/include/simavr/sim_avr.h")
BUILDING = 300.0  # s
END = 5.0  # s
FIFO_PRIORITY = 45  # the world has 50, the loop 60
QUANTUM = 500  # us that the chip runs between two looks at its line and the wall clock
FULL = 5000  # mV at a converter's pin
STEP = 4.9  # mV, of one count
LONGEST = 65_536  # octets at once

Pin = Annotated[int, Field(ge=2, le=19)]


class Part(BaseModel):
    """What hangs on a pin."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    pin: Pin = Field(description="by an Uno's numbers; A0 is 14")


class Ranger(Part):
    """A distance sensor: a site of the world that looks along its z."""

    site: str
    full: Annotated[float, Field(gt=0)] = Field(description="m at which the pin has 5 V")


class Potentiometer(Part):
    """Tells where the device's joint is."""

    full: Annotated[float, Field(gt=0)] = Field(description="m (rad) at which the pin has 5 V")


class Servo(Part):
    """A servo that drives the device's joint."""

    pulses: tuple[int, int] = Field(default=(1000, 2000), description="us at both ends")
    ends: tuple[float, float] = Field(description="m (rad) at those")
    stiffness: Annotated[float, Field(gt=0)] = Field(description="N/m (N.m/rad)")
    damping: Annotated[float, Field(ge=0)] = Field(description="N.s/m (N.m.s/rad)")
    effort: Annotated[float, Field(gt=0)] = Field(description="N (N.m) at most")


class AvrSettings(StandInSettings):
    """An emulated Uno: its program, and what hangs on its pins."""

    application: str = Field(description="of firmware/apps")
    lamps: dict[str, Pin] = Field(default_factory=dict, description="materials `lamp_*` by pin")
    buttons: dict[str, Pin] = Field(default_factory=dict, description="normally closed to ground")
    ranger: Ranger | None = None
    potentiometer: Potentiometer | None = None
    servo: Servo | None = None


class AvrBoard(StandIn):
    """One emulated board. Its line is its own: the chip answers octets when it will."""

    Settings: ClassVar[type[AvrSettings]] = AvrSettings
    line: ClassVar[str] = "own"

    def __init__(self, settings: AvrSettings) -> None:
        self.inputs = tuple(settings.buttons)
        self.lamps = tuple(settings.lamps)
        self.sites = () if settings.ranger is None else (settings.ranger.site,)
        self._settings = settings
        self._lamp_at = {pin: lamp for lamp, pin in settings.lamps.items()}
        self._process: subprocess.Popen[bytes] | None = None
        self._command: list[str] = []
        self._link = Path()
        self._heard = b""
        self._told: dict[int, float] = {}  # mV by pin
        self._lit: dict[str, bool] = {}  # that the world has not been shown yet
        self._pressed: set[str] = set()
        self._untold: list[str] = []  # orders that its pins have not heard, in their order
        self._width = 0  # us; 0: no pulses, no force

    @classmethod
    def at(cls, place: Place) -> Self:
        """Return the board of one device."""
        return cls(place.twin)

    # --- its line, as the twin's select loop sees it -----------------------------------------

    def begin(self, link: Path) -> None:
        """Build the program and run it; ``link`` names its port.

        Raises:
            ProcessLost: the toolchain is missing, or the program does not build.
        """
        self._link = link
        image = f"{self._settings.application}-avr.hex"
        make(BUILT, "avr_board", image, f"APP={self._settings.application}")
        self._command = [str(BUILT / "avr_board"), "0", str(BUILT / image)]
        self.plug()

    @property
    def address(self) -> str:
        """The name of its port that survives a re-plug."""
        return str(self._link)

    def descriptors(self) -> list[int]:
        """Return what to wait for; nothing while pulled."""
        if self._process is None or self._process.stdout is None:
            return []
        return [self._process.stdout.fileno()]

    def serve(self, descriptor: int) -> None:
        """Hear what its pins did."""
        try:
            octets = os.read(descriptor, LONGEST)
        except BlockingIOError:
            return
        if not octets:  # it has died: as a board does that is pulled
            self.pull()
        *lines, self._heard = (self._heard + octets).split(b"\n")
        for line in lines:
            self._take(line.decode("ascii", "replace").split())

    def plug(self) -> None:
        """Give it power; does nothing while it has."""
        if self._process is not None:
            return
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        orders, told = self._process.stdin, self._process.stdout
        if orders is None or told is None:
            raise ProcessLost("The emulated board has no standard streams.")
        word, port = (told.readline().decode().split() or ("", ""))[:2]
        if word != "port":
            raise ProcessLost("The emulated board did not start.")
        with contextlib.suppress(PermissionError):  # one that is held up has a slow clock
            os.sched_setscheduler(self._process.pid, os.SCHED_FIFO, os.sched_param(FIFO_PRIORITY))
        os.set_blocking(told.fileno(), False)
        os.set_blocking(orders.fileno(), False)
        self._heard = b""
        self._told.clear()
        self._order(f"quantum 0 {QUANTUM}")
        self._untold = []
        for name in self.inputs:
            self._hold(name)
        fresh = self._link.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(port)
        fresh.replace(self._link)

    def pull(self) -> None:
        """Take its power: lamps go out, and the servo has no force."""
        process, self._process = self._process, None
        if process is None:
            return
        self._link.unlink(missing_ok=True)
        process.kill()
        process.wait(END)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        self._width = 0
        self._lit = dict.fromkeys(self.lamps, False)

    # --- the world ------------------------------------------------------------------------------

    def step(
        self, position: Sequence[float], velocity: Sequence[float], duration: float
    ) -> Sequence[float]:
        """Return what the servo does to its joint; without pulses nothing."""
        del duration
        sensor, servo = self._settings.potentiometer, self._settings.servo
        if sensor is not None and position:
            self._volts(sensor.pin, position[0] / sensor.full)
        if servo is None or self._width == 0:
            return [0.0] * len(position)
        share = (self._width - servo.pulses[0]) / (servo.pulses[1] - servo.pulses[0])
        goal = servo.ends[0] + share * (servo.ends[1] - servo.ends[0])
        wanted = servo.stiffness * (goal - position[0]) - servo.damping * velocity[0]
        return [max(-servo.effort, min(servo.effort, wanted))]

    def feel(self, world: World, duration: float) -> None:
        """Measure the distance, show the lamps; say again what the chip did not listen to."""
        del duration
        self._tell()
        ranger = self._settings.ranger
        if ranger is not None:
            self._volts(ranger.pin, world.distance(ranger.site) / ranger.full)
        for lamp, lit in self._lit.items():
            world.light(lamp, lit)
        self._lit.clear()

    def outputs(self) -> Mapping[str, float]:
        """Return the width of the servo's pulses [us]."""
        return {"pulse": float(self._width)}

    def press(self, name: str) -> None:
        """Open a button's contact and leave it open."""
        self._pressed.add(name)
        self._hold(name)

    def release(self, name: str) -> None:
        """Close it again."""
        self._pressed.discard(name)
        self._hold(name)

    def power_cycle(self) -> None:
        """Take its power and give it back."""
        self.pull()
        self.plug()

    # --- pins -----------------------------------------------------------------------------------

    def _take(self, words: Sequence[str]) -> None:
        match words:
            case ["pin", pin, level, _] if int(pin) in self._lamp_at:
                self._lit[self._lamp_at[int(pin)]] = level == "1"
            case ["pulse", pin, width, _] if self._settings.servo is not None:
                if int(pin) == self._settings.servo.pin:
                    self._width = int(width)

    def _hold(self, name: str) -> None:
        """Pulled up, a contact that is open reads high."""
        self._untold.append(f"pin {self._settings.buttons[name]} {int(name in self._pressed)}")
        self._tell()

    def _tell(self) -> None:
        """Tell what contacts did, as far as the chip listens: none of it is left out."""
        while self._untold and self._order(self._untold[0]):
            del self._untold[0]

    def _volts(self, pin: int, share: float) -> None:
        level = FULL * max(0.0, min(1.0, share))
        if abs(level - self._told.get(pin, -FULL)) >= STEP / 2 and self._order(
            f"analog {pin} {level:.0f}"
        ):
            self._told[pin] = level

    def _order(self, order: str) -> bool:
        """Tell the chip; where it does not listen just now, not: the world does not wait.

        An order is below a pipe's PIPE_BUF, and so is written whole or not at all.
        """
        if self._process is None or self._process.stdin is None:
            return False
        try:
            return os.write(self._process.stdin.fileno(), f"{order}\n".encode()) > len(order)
        except (BlockingIOError, BrokenPipeError):
            return False


def lacking() -> str:
    """Say what is missing for emulated boards; empty where nothing is."""
    missing = [tool for tool in NEEDED if shutil.which(tool) is None]
    missing += [] if SIMAVR.exists() else ["libsimavr-dev"]
    if not FIRMWARE.is_dir():
        return "a checkout of Handrail"
    return ", ".join(missing)


def make(folder: Path, *what: str) -> None:
    """Make files of the firmware into a folder; a word with ``=`` is a variable of the Makefile.

    Raises:
        ProcessLost: something is missing, or does not compile.
    """
    if why := lacking():
        raise ProcessLost(
            f"Boards cannot be emulated here: {why} is missing.",
            hint="`make setup` installs avr-gcc and simavr",
        )
    targets = [word if "=" in word else f"{folder}/{word}" for word in what]
    command = ["make", "-C", str(FIRMWARE), f"BUILD={folder}", *targets]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILDING, check=False)
    if done.returncode != 0:
        raise ProcessLost(f"The emulated board does not build:\n{done.stderr[-1000:]}")
