"""The registers of one unit, by the names of its map: read together, written honestly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from handrail_drivers.errors import (
    BusLost,
    DeviceFault,
    ModbusException,
    ModbusFault,
    ModbusIllegalAddress,
    ModbusIllegalValue,
    Refused,
    UnknownName,
)
from handrail_drivers.modbus import frames
from handrail_drivers.modbus.codec import Value, encode, reader, stands
from handrail_drivers.modbus.frames import Request, Table
from handrail_drivers.modbus.line import Allowed, Line, refused
from handrail_drivers.modbus.merging import Span, alone, merged
from handrail_drivers.modbus.register_map import Register, RegisterMap

Readers = Mapping[str, Callable[[bytes], Value]]  # by the name of what they take out of an answer
Plan = tuple[tuple[Request, Readers], ...]
Answer = TypeVar("Answer", bytes, bytes | None)
SETS = 256  # of names whose requests are kept


@dataclass(frozen=True, slots=True)
class Look:
    """What was found of some registers: the values, and why others have none."""

    values: dict[str, Value]
    faults: dict[str, DeviceFault]


class Registers:
    """One unit's registers. Safe to use from several threads.

    Args:
        name: of the device, for sentences.
        found: its map.
        unit: its number on the line.
        line: which other devices may share.
    """

    def __init__(self, name: str, found: RegisterMap, unit: int, line: Line) -> None:
        self.name = name
        self.map = found
        self._unit = unit
        self._line = line
        self._writing = threading.Lock()
        self._plans: dict[tuple[str, ...], Plan] = {}

    # --- reading --------------------------------------------------------------------------------

    def read(self, names: Iterable[str] = ()) -> dict[str, Value]:
        """Return values by name, all where none is named, in as few requests as possible.

        Raises:
            UnknownName: no such register.
            ModbusFault, BusLost: one could not be read; it is named.
        """
        look = self.look(names)
        for fault in look.faults.values():
            raise fault
        return look.values

    def look(self, names: Iterable[str] = ()) -> Look:
        """Return what can be read, and why the rest cannot: one bad register costs no other.

        Raises:
            UnknownName: no such register.
            ModbusFault, BusLost: the unit cannot be reached.
        """
        wanted = tuple(names) or tuple(self.map.registers)
        look = Look({}, {})
        for request, readers in self._planned(wanted):
            try:
                answer = self._ask(request, readers, self._line.ask)
            except (ModbusIllegalAddress, ModbusIllegalValue) as error:
                self._apart(wanted, readers, error, look)
            else:
                _take(readers, answer, look, self.name)
        return look

    def read_promptly(self, names: Iterable[str] = ()) -> dict[str, Value] | None:
        """Return values as :meth:`read` does, or None where that may take more than 1 ms.

        For an event loop, which then has a thread read.

        Raises:
            UnknownName: no such register.
            ModbusException: the unit refuses.
        """
        plan = self._planned(tuple(names) or tuple(self.map.registers))
        if len(plan) > 1:
            return None
        ((request, readers),) = plan
        try:
            answer = self._ask(request, readers, self._line.ask_promptly)
            if answer is None:
                return None
            return {name: take(answer) for name, take in readers.items()}
        except ModbusFault as error:
            if len(readers) == 1:
                raise _named(error, self.name, readers) from None
            return None  # who can wait finds out which it is

    def _apart(
        self, wanted: tuple[str, ...], readers: Readers, error: ModbusException, look: Look
    ) -> None:
        """Ask for the registers of a request that was refused one by one; remember which it is."""
        if len(readers) == 1:
            look.faults.update(dict.fromkeys(readers, error))
            return
        missing = []
        for name in readers:
            ((request, one),) = self._planned((name,))
            try:
                _take(one, self._ask(request, one, self._line.ask), look, self.name)
            except ModbusException as refusal:
                look.faults[name] = refusal
                missing.append(name)
        self._plans[wanted] = tuple(map(self._request, alone(self.map, wanted, missing)))

    # --- writing --------------------------------------------------------------------------------

    def write(
        self, name: str, value: Value, *, urgent: bool = False, allowed: Allowed | None = None
    ) -> bool:
        """Write a value; tell whether reading it back has confirmed it.

        Args:
            name: of the register.
            value: what shall stand there.
            urgent: before all others, and again where no answer comes.
            allowed: called just before it is sent; raises where it may not be any more.

        Raises:
            UnknownName: no such register.
            Refused: it is not written.
            InvalidValue: the value does not fit, or is beyond a limit.
            ModbusException: the device refuses it.
            ModbusFault, BusLost: whether it was written is not known, or it reads otherwise.
        """
        one = self._register(name)
        if not one.writable:
            raise Refused(f"{name} of {self.name} is only read.", field=name)
        if urgent:  # waits for nobody; others are held back by what they are allowed
            return self._written(name, one, value, urgent, allowed)
        with self._writing:
            return self._written(name, one, value, urgent, allowed)

    def _written(
        self, name: str, one: Register, value: Value, urgent: bool, allowed: Allowed | None
    ) -> bool:
        before = self._words(name, one, urgent) if one.bits is not None else ()
        words = encode(name, one, value, before)
        try:
            self._ask(
                self._writes(one, words),
                (name,),
                lambda request: self._line.ask(request, urgent=urgent, allowed=allowed),
            )
        except ModbusException:
            raise
        except (ModbusFault, BusLost) as error:
            if not self._stands(name, one, words):
                _raise_unsure(error, name)
            return True
        if one.read_back and not self._stands(name, one, words):
            raise ModbusFault(
                f"{name} of {self.name} was written and reads otherwise.",
                field=name,
                value=value,
                hint="the device may limit it, or be in a state in which it ignores it",
            )
        return one.read_back

    def _writes(self, one: Register, words: list[int]) -> Request:
        if one.table is Table.COIL:
            return frames.write_coil(self._unit, one.address, bool(words[0]))
        return frames.write_registers(self._unit, one.address, words)

    def _words(self, name: str, one: Register, urgent: bool) -> tuple[int, ...]:
        """Return what stands in a register now."""
        request = frames.read(self._unit, one.table, one.address, one.count)
        answer = self._ask(request, (name,), lambda asked: self._line.ask(asked, urgent=urgent))
        return frames.bits(answer, one.count) if one.table.is_bits else frames.words(answer)

    def _stands(self, name: str, one: Register, words: list[int]) -> bool:
        """Tell whether these words stand there; no where nobody knows.

        It is asked although the unit may have been silent just now: that is why one asks.
        """
        if not one.read_back:
            return False
        try:
            return stands(one, words, self._words(name, one, urgent=True))
        except (ModbusFault, BusLost):
            return False

    # --- requests -------------------------------------------------------------------------------

    def _planned(self, names: tuple[str, ...]) -> Plan:
        """Return the reads for some names, and what takes their values out; made once a set."""
        plan = self._plans.get(names)
        if plan is None:
            for name in names:
                self._register(name)
            plan = tuple(map(self._request, merged(self.map, names)))
            if len(self._plans) < SETS:  # whoever asks for ever others fills no memory
                self._plans[names] = plan
        return plan

    def _request(self, span: Span) -> tuple[Request, Readers]:
        found = {name: self.map.registers[name] for name in span.names}
        readers = {
            name: reader(name, one, one.address - span.address) for name, one in found.items()
        }
        return frames.read(self._unit, span.table, span.address, span.count), readers

    def _register(self, name: str) -> Register:
        if name not in self.map.registers:
            raise UnknownName("register", name, self.map.registers, "names")
        return self.map.registers[name]

    def _ask(
        self, request: Request, names: Iterable[str], ask: Callable[[Request], Answer]
    ) -> Answer:
        try:
            return ask(request)
        except ModbusException as error:
            name = self.map.exception_names.get(int(str(error.value)), "")
            raise _named(refused(request, int(str(error.value)), name), self.name, names) from None
        except (ModbusFault, BusLost) as error:
            raise _named(error, self.name, names)  # noqa: B904  the cause is the error itself


def _take(readers: Readers, answer: bytes, look: Look, device: str) -> None:
    for name, take in readers.items():
        try:
            look.values[name] = take(answer)
        except ModbusFault as error:
            look.faults[name] = _named(error, device, (name,))


def _named(error: Any, device: str, names: Iterable[str]) -> Any:
    """Say of an error which device it is of, and which registers."""
    if error.subject != device:
        error.subject = device
        error.field = ", ".join(names)
        error.message = f"{device}, {error.field}: {error.message}"
    return error


def _raise_unsure(error: ModbusFault | BusLost, name: str) -> NoReturn:
    """Say of a write whose answer was lost that nobody knows."""
    error.message += f" Whether {name} was written is not known."
    error.hint = "read it before you write it again"
    raise error
