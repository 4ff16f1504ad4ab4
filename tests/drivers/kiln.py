"""A device whose protocol no code of Handrail's contains."""

from __future__ import annotations

from collections.abc import Mapping

from handrail_drivers.emulator import StandIn


class Kiln(StandIn):
    """A kiln's controller: ``>``, text, ``|``, CRC-8 of both in hexadecimal, ``;``, CR."""

    line = "serial"

    def __init__(self) -> None:
        self.temperature, self.setpoint, self.power = 231.5, 0.0, 0
        self._pending = b""

    def exchanges(self, data, line_baud):
        *lines, self._pending = (self._pending + data).split(b";\r")
        return [(len(line) + 2, self._line(line), 0.0) for line in lines]

    def forget_partial(self) -> None:
        self._pending = b""

    def advance(self, duration: float) -> None:
        self.power = int(self.setpoint > self.temperature)

    def outputs(self) -> Mapping[str, float]:
        return {"setpoint": self.setpoint}

    def change(self) -> None:
        self.temperature += 1.5

    def power_cycle(self) -> None:
        self.setpoint = 0.0

    def _line(self, line: bytes) -> bytes:
        text, _, found = line[1:].rpartition(b"|")
        if line[:1] != b">" or found != b"%02x" % self._crc(text + b"|"):
            return b""
        said = self._said(text.decode("ascii")).encode()
        return b">" + said + b"|" + b"%02x" % self._crc(said + b"|") + b";\r"

    def _crc(self, data: bytes) -> int:
        crc = 0
        for byte in data:
            crc ^= byte
            for _ in range(8):
                crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
        return crc

    def _said(self, text: str) -> str:
        match text[:2], text[2:]:
            case "id", "":
                return "KLN-7 rev3"
            case "ha", "lt":
                self.setpoint = 0.0 if not self.stuck else self.setpoint
                return "ack"
            case "rd", "01":
                return f"rd01={self.temperature:+07.1f}"
            case "rd", "02":
                return f"rd02={self.setpoint:+07.1f}"
            case "rd", "03":
                return f"rd03={self.power}"
            case "wr", rest if rest.startswith("02,") and 0 <= float(rest[3:]) <= 1200:
                self.setpoint = float(rest[3:]) if not self.stuck else self.setpoint
                self.advance(0.0)
                return "ack"
        return "nak"
