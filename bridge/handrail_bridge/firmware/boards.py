"""The boards that are known: what is built for them, and which program flashes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from handrail_drivers.errors import UnknownName

Command = Callable[[str, Path, int], list[str]]  # of port, image and bit/s


@dataclass(frozen=True, slots=True)
class Programmer:
    """A program that flashes. ``exercised``: somebody has seen it do so."""

    name: str
    package: str  # Debian's
    command: Command
    bauds: tuple[int, ...]  # bit/s, tried in this order
    exercised: bool


@dataclass(frozen=True, slots=True)
class BoardKind:
    """One kind of board."""

    name: str
    text: str
    image: str  # suffix of what is built for it
    compiler: str
    programmers: Mapping[str, Programmer]
    rescue: str  # what to do where flashing was cut short


def _avrdude(port: str, image: Path, baud: int) -> list[str]:
    what = f"flash:w:{image}:i"  # reads it back and compares
    return [
        "avrdude",
        "-c",
        "arduino",
        "-p",
        "m328p",
        "-P",
        port,
        "-b",
        str(baud),
        "-D",
        "-U",
        what,
    ]


def _stm32flash(port: str, image: Path, baud: int) -> list[str]:
    return ["stm32flash", "-b", str(baud), "-w", str(image), "-v", "-g", "0x0", port]


def _openocd(_port: str, image: Path, _baud: int) -> list[str]:
    program = f"program {image} 0x08000000 verify reset exit"
    files = ["-f", "interface/stlink.cfg", "-f", "target/stm32f4x.cfg"]
    return ["openocd", *files, "-c", program]


def _dfu_util(_port: str, image: Path, _baud: int) -> list[str]:
    return ["dfu-util", "-a", "0", "-s", "0x08000000:leave", "-D", str(image)]


AVRDUDE = Programmer("avrdude", "avrdude", _avrdude, (115_200, 57_600), exercised=True)
STM32FLASH = Programmer(
    "stm32flash", "stm32flash", _stm32flash, (115_200, 57_600, 19_200), exercised=False
)
OPENOCD = Programmer("openocd", "openocd", _openocd, (0,), exercised=False)
DFU_UTIL = Programmer("dfu-util", "dfu-util", _dfu_util, (0,), exercised=False)

KINDS = {
    "avr": BoardKind(
        "avr",
        "ATmega328P with Optiboot: Arduino Uno, Nano",
        "avr.hex",
        "avr-gcc",
        {"avrdude": AVRDUDE},
        "its bootloader is whole: flash it again, or the image of before with --previous",
    ),
    "stm32f405": BoardKind(
        "stm32f405",
        "STM32F405: Netduino Plus 2, Pyboard, Feather F405",
        "stm32f405.bin",
        "arm-none-eabi-gcc",
        {"stm32flash": STM32FLASH, "openocd": OPENOCD, "dfu-util": DFU_UTIL},
        "its boot loader is in ROM: set BOOT0, reset, and flash it again",
    ),
}


def board_kind(name: str) -> BoardKind:
    """Return a kind of board.

    Raises:
        UnknownName: there is none of this name.
    """
    if name not in KINDS:
        raise UnknownName("board", name, KINDS, "board")
    return KINDS[name]


def programmer(kind: BoardKind, name: str) -> Programmer:
    """Return one of a board's programmers; the first where none is named.

    Raises:
        UnknownName: the board has none of this name.
    """
    if not name:
        return next(iter(kind.programmers.values()))
    if name not in kind.programmers:
        raise UnknownName("programmer", name, kind.programmers, "programmer")
    return kind.programmers[name]
