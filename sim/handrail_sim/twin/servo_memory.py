"""The memory of one servo: what survives a power cycle, what the lock keeps, what is taken."""

from __future__ import annotations

from collections.abc import Iterator

from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.registers import Register

WRITABLE = {register.address: register for register in reg.TABLE if register.writable}


class ServoMemory:
    """The bytes of one STS3215, read and written as registers with signed values."""

    def __init__(self, id: int) -> None:
        self._bytes = bytearray(reg.TABLE_SIZE)
        self.reset(id)

    def value(self, register: Register) -> int:
        """Return a register's signed value."""
        at = register.address
        return register.decode(int.from_bytes(self._bytes[at : at + register.size], "little"))

    def put(self, register: Register, value: int) -> None:
        """Set a register, as the servo itself does; values beyond its range become its limit."""
        word = register.encode(max(register.low, min(register.high, value)))
        at = register.address
        self._bytes[at : at + register.size] = word.to_bytes(register.size, "little")

    def block(self, address: int, size: int) -> bytes:
        """Return size bytes from address on; zeros behind the table's end."""
        return bytes(self._bytes[address : address + size]).ljust(size, b"\0")

    def take(self, address: int, data: bytes) -> Iterator[tuple[Register, int]]:
        """Write what can be written of data; yield each register just changed and its value.

        Skipped: read-only registers, half a word, values outside of a register's range. With
        the lock on (1) EEPROM changes until the next power cycle only (STS memory table,
        address 55).
        """
        for at in range(address, address + len(data)):
            register = WRITABLE.get(at)
            raw = data[at - address : at - address + register.size] if register else b""
            if register is None or len(raw) < register.size:
                continue
            value = register.decode(int.from_bytes(raw, "little"))
            if register.low <= value <= register.high:
                self.put(register, value)
                self._save(register)
                yield register, value

    def store(self, register: Register, value: int) -> None:
        """Set an EEPROM register as a write from the wire would."""
        self.put(register, value)
        self._save(register)

    def reset(self, id: int) -> None:
        """Return all registers but the id to the factory's values."""
        for register in reg.TABLE:
            self.put(register, register.initial)
        self.put(reg.ID, id)
        self._saved = bytes(self._bytes[: reg.EEPROM_END])

    def power_cycle(self) -> None:
        """RAM as after power-on, EEPROM as last saved, the torque limit from the EEPROM's."""
        for register in reg.TABLE:
            if not register.eeprom:
                self.put(register, register.initial)
        self._bytes[: reg.EEPROM_END] = self._saved
        self.put(reg.TORQUE_LIMIT, self.value(reg.MAX_TORQUE))

    def _save(self, register: Register) -> None:
        if register.eeprom and not self.value(reg.LOCK):
            at, end = register.address, register.address + register.size
            self._saved = self._saved[:at] + self._bytes[at:end] + self._saved[end:]
