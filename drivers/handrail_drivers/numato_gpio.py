"""Numato Lab USB GPIO modules (8 to 128 channels) as digital inputs.

Protocol, from the maker's command set: ASCII over USB CDC. A command ends in CR; the module
echoes it, then gives its answer and the prompt ``>``. Lines end in LF CR on some firmware and in
CR LF on other, so that neither counts here. ``gpio readall`` answers one hexadecimal digit for
every four channels.

A button that stops is normally closed, from the supply to its channel, with a resistor from the
channel to ground: pressed, cut and unplugged all read false.
"""

from __future__ import annotations

import re
import time
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from handrail_drivers.errors import InputFault
from handrail_drivers.transport import Transport

PROMPT = b">"
READ_ALL = "gpio readall"
LINE_ENDS = 32  # bytes of them, at most, in one answer
PLENTY = 256  # bytes: more than an answer has
SILENCE = 0.1  # s without a byte after which nothing old is still on its way
DRAINS = 5  # times, at most, that something old is waited for

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class NumatoSettings(BaseModel):
    """One module, and what is wired to it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    port: str = Field(description="device file")
    baud: Annotated[int, Field(gt=0)] = Field(
        default=19200, description="bit/s; USB modules take any"
    )
    ports: Literal[8, 16, 32, 64, 128] = Field(description="channels that the module has")
    inputs: Annotated[dict[Name, Annotated[int, Field(ge=0)]], Field(min_length=1)] = Field(
        description="channel by the name of what is wired to it"
    )
    timeout: Annotated[float, Field(gt=0, le=1)] = Field(default=0.05, description="s, one answer")

    @model_validator(mode="after")
    def _has_these_channels(self) -> NumatoSettings:
        beyond = [name for name, channel in self.inputs.items() if channel >= self.ports]
        if beyond:
            raise ValueError(
                f"{', '.join(beyond)}: the module's channels are 0 to {self.ports - 1}"
            )
        return self


class NumatoGpio:
    """An :class:`~handrail_drivers.api.InputBus`: one exchange a read."""

    Settings: ClassVar[type[NumatoSettings]] = NumatoSettings
    transport: ClassVar[str] = "serial"
    verified_on_hardware: ClassVar[bool] = False

    def __init__(self, name: str, settings: NumatoSettings, transport: Transport) -> None:
        self.name = name
        self.inputs = tuple(settings.inputs)
        self._settings = settings
        self._port = transport
        self._digits = settings.ports // 4
        self._owed = False  # the module may still answer a question that was given up

    def connect(self) -> None:
        """Make the used channels inputs and silence notifications; other channels stay as they are.

        Raises:
            BusLost: the port is gone.
            InputFault: what is there does not answer as a module with so many channels does.
        """
        # The first CR ends what a client before us left half said. Modules without notifications
        # do not know the command, so that its answer is not looked at.
        self._port.write(b"\rgpio notify off\r")
        self._drain()
        used = sum({1 << channel for channel in self._settings.inputs.values()})
        self._exchange(f"gpio iomask {used:0{self._digits}x}")
        self._exchange(f"gpio iodir {used:0{self._digits}x}")
        self.read_inputs()

    def read_inputs(self) -> dict[str, bool]:
        """Read the level of every input: true is high.

        Raises:
            BusLost: the port is gone.
            InputFault: no answer in time, or none that can be understood.
        """
        answer = self._exchange(READ_ALL, self._digits)
        if not re.fullmatch(rb"[0-9a-fA-F]{%d}" % self._digits, answer):
            raise self._garbled(READ_ALL, answer)
        levels = int(answer, 16)
        return {name: bool(levels >> n & 1) for name, n in self._settings.inputs.items()}

    def close(self) -> None:
        """Release the port."""
        self._port.close()

    def _exchange(self, command: str, digits: int = 0) -> bytes:
        """Send a command; return its answer, which has so many digits."""
        echo = command.encode()
        if self._owed:  # or an old level would pass for the present one
            self._port.read(PLENTY, self._settings.timeout)
        self._owed = True
        self._port.discard_input()
        self._port.write(echo + b"\r")
        said = self._read_to_prompt(command, len(echo) + digits + len(PROMPT))
        if not said.lower().startswith(echo):  # some firmware changes the case
            raise self._garbled(command, said)
        self._owed = False
        return said[len(echo) : -len(PROMPT)]

    def _read_to_prompt(self, command: str, size: int) -> bytes:
        """Return what comes up to the prompt, line ends left out; ``size`` bytes are expected."""
        deadline = time.monotonic() + self._settings.timeout
        data = said = b""
        while not said.endswith(PROMPT):
            left = deadline - time.monotonic()
            part = self._port.read(max(size - len(said), 1), left) if left > 0 else b""
            data += part
            said = data.translate(None, b"\r\n")
            if not part or len(said) > size or len(data) > size + LINE_ENDS:
                raise self._garbled(command, data)
        return said

    def _drain(self) -> None:
        """Drop what is on its way, until the module is silent."""
        for _ in range(DRAINS):
            if not self._port.read(PLENTY, SILENCE):
                return
        raise InputFault(f"{self.name} does not stop talking.", subject=self.name)

    def _garbled(self, command: str, said: bytes) -> InputFault:
        shown = said[:64].decode("ascii", "backslashreplace")
        what = f"answered {command!r} with {shown!r}" if said else f"did not answer {command!r}"
        return InputFault(
            f"{self.name} {what}.",
            subject=self.name,
            hint=f"check that it is a Numato module with {self._settings.ports} channels",
        )
