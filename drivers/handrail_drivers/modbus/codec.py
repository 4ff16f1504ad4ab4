"""Between a register's raw words and the value that they mean. Pure."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence

from handrail_drivers.errors import InvalidValue, ModbusGarbled
from handrail_drivers.modbus.frames import DATA
from handrail_drivers.modbus.register_map import WIDTH, Bits, Kind, Register

Value = float | int | bool | str
FORMATS = {Kind.U32: "I", Kind.I32: "i", Kind.U64: "Q", Kind.I64: "q", Kind.F32: "f", Kind.F64: "d"}
FORMATS |= {Kind.U16: "H", Kind.I16: "h"}


def decode(name: str, register: Register, words: Sequence[int]) -> Value:
    """Return the value of a register's words (a bit table's cells: one number, 0 or 1).

    Raises:
        ModbusGarbled: a float that is no number, or a string that is no text.
    """
    if register.table.is_bits:
        return bool(words[0])
    if register.type is Kind.STRING:
        return _text(name, register, words)
    raw = raw_number(register, words)
    if register.type is Kind.BOOL:
        return bool(raw)
    if not math.isfinite(raw):
        raise ModbusGarbled(f"{name} reads as {raw}, which is no number.", field=name)
    if register.choices is not None:
        names = {number: choice for choice, number in register.choices.items()}
        return names.get(int(raw), f"unknown {int(raw)}")
    if register.scale == 1 and register.offset == 0:
        return raw
    return raw * register.scale + register.offset


def reader(name: str, register: Register, at: int) -> Callable[[bytes], Value]:
    """Return what takes a register's value out of an answer, as :func:`decode` would.

    ``at``: where it stands there, in registers or bits. What is the same each time is done here.
    """
    if register.table.is_bits:
        byte, bit = DATA + at // 8, at % 8
        return lambda answer: bool(answer[byte] >> bit & 1)
    place = DATA + 2 * at
    if _is_plain(register):
        return _plain_reader(name, register, place)
    words = struct.Struct(f">{register.count}H").unpack_from
    return lambda answer: decode(name, register, words(answer, place))


def _is_plain(register: Register) -> bool:
    """Whether it is a number, and nothing but a number."""
    return (register.order, register.bits, register.choices) == ("ABCD", None, None) and (
        register.type in FORMATS
    )


def _plain_reader(name: str, register: Register, place: int) -> Callable[[bytes], Value]:
    number = struct.Struct(f">{FORMATS[register.type]}").unpack_from
    scale, offset = register.scale, register.offset
    if not register.type.is_whole:
        words = struct.Struct(f">{register.count}H").unpack_from

        def read_float(answer: bytes) -> Value:
            raw: float = number(answer, place)[0]
            if math.isfinite(raw):
                return raw * scale + offset
            return decode(name, register, words(answer, place))  # which says what is wrong

        return read_float
    if scale == 1 and offset == 0:  # stays exact, however large
        return lambda answer: number(answer, place)[0]
    return lambda answer: number(answer, place)[0] * scale + offset


def encode(name: str, register: Register, value: Value, before: Sequence[int] = ()) -> list[int]:
    """Return the words that mean a value; limits hold for what will really stand there.

    ``before``: the words as they are now, where the register is a field of bits.

    Raises:
        InvalidValue: it does not fit, or is beyond a limit.
    """
    if register.table.is_bits:
        return [int(_flag(name, value))]
    if register.type is Kind.STRING:
        return _text_words(name, register, value)
    raw = _wanted(name, register, value)
    if register.bits is not None:
        whole = _joined(register, before) & ~_mask(register.bits)
        return _parted(register, whole | int(raw) << register.bits.low)
    form = FORMATS[register.type]
    try:
        packed = struct.pack(f">{form}", raw if form in "fd" else int(raw))
    except OverflowError as error:
        raise _beyond(name, register, float(raw), raw) from error
    return _ordered(register, list(struct.unpack(f">{register.count}H", packed)))


def stands(register: Register, words: Sequence[int], found: Sequence[int]) -> bool:
    """Tell whether words that were written are found; of a field of bits, its own alone."""
    if register.bits is None:
        return list(words) == list(found)
    return (_joined(register, words) ^ _joined(register, found)) & _mask(register.bits) == 0


def nearest(register: Register, value: float) -> float:
    """Return the value that will stand in a register where this one is asked for."""
    raw = _unscaled(register, value)
    if register.type.is_whole or register.bits is not None:
        return round(raw) * register.scale + register.offset
    if register.type is Kind.F32:
        raw = struct.unpack(">f", struct.pack(">f", raw))[0]
    return raw * register.scale + register.offset


def _unscaled(register: Register, value: float) -> float:
    """Return the raw number; a whole one stays exact, however large."""
    plain = register.scale == 1 and register.offset == 0
    return value if plain else (value - register.offset) / register.scale


def _wanted(name: str, register: Register, value: Value) -> float:
    """Return the raw number of a value that is allowed."""
    if register.type is Kind.BOOL:
        return float(_flag(name, value))
    if register.choices is not None:
        if value not in register.choices:
            raise InvalidValue(
                f"{name} cannot be {value!r}.", field=name, value=value, choices=register.choices
            )
        return register.choices[str(value)]
    if isinstance(value, (bool, str)) or not math.isfinite(value):
        raise InvalidValue(f"{name} needs a number, not {value!r}.", field=name, value=str(value))
    raw = _unscaled(register, value)
    whole = register.type.is_whole or register.bits is not None
    raw = round(raw) if whole else raw
    least, most = register.raw_range
    if not least <= raw <= most:
        raise _beyond(name, register, float(value), raw)
    _require_limits(name, register, float(value))
    return raw


def _require_limits(name: str, register: Register, value: float) -> None:
    try:
        stands = nearest(register, value)
    except OverflowError as error:
        raise _beyond(name, register, value, value) from error
    slack = 1e-9 * max(1.0, abs(stands))  # of multiplying by the scale
    low, high = register.low, register.high
    if low is not None and stands < low - slack:
        raise _out_of_limits(name, register, value, stands, low)
    if high is not None and stands > high + slack:
        raise _out_of_limits(name, register, value, stands, high)


def _out_of_limits(
    name: str, register: Register, value: float, stands: float, limit: float
) -> InvalidValue:
    way = "least" if stands < limit else "most"
    return InvalidValue(
        f"{name} would be set to {stands:g} {register.unit}; {limit:g} is the {way}.",
        field=name,
        value=value,
        limit=limit,
        unit=register.unit,
        hint=f"{limit:g} passes",
    )


def _beyond(name: str, register: Register, value: float, raw: float) -> InvalidValue:
    ends = sorted(end * register.scale + register.offset for end in register.raw_range)
    limit = ends[0] if value < ends[0] else ends[1]
    return InvalidValue(
        f"{name} cannot hold {value:g} {register.unit}.",
        field=name,
        value=value,
        limit=limit if math.isfinite(limit) else None,
        unit=register.unit,
        hint=f"its register ends at {limit:g}"
        if math.isfinite(limit)
        else f"raw {raw:g} is too big",
    )


def _flag(name: str, value: Value) -> bool:
    if not isinstance(value, bool):
        raise InvalidValue(f"{name} is true or false, not {value!r}.", field=name, value=value)
    return value


def raw_number(register: Register, words: Sequence[int]) -> float:
    """Return what a register's words are as a number, before scale and offset."""
    if register.bits is not None:
        return (_joined(register, words) & _mask(register.bits)) >> register.bits.low
    packed = struct.pack(f">{len(words)}H", *_ordered(register, list(words)))
    number: float = struct.unpack(f">{FORMATS[register.type]}", packed)[0]
    return number


def _mask(bits: Bits) -> int:
    return (1 << bits.width) - 1 << bits.low


def _joined(register: Register, words: Sequence[int]) -> int:
    """Return words as one number, whose bit 0 is the least."""
    whole = 0
    for word in _ordered(register, list(words)):
        whole = whole << WIDTH | word
    return whole


def _parted(register: Register, whole: int) -> list[int]:
    """Return the words of a number that :func:`_joined` has made."""
    high = range(WIDTH * (register.count - 1), -1, -WIDTH)
    return _ordered(register, [whole >> shift & 0xFFFF for shift in high])


def _ordered(register: Register, words: list[int]) -> list[int]:
    """Bring words, a list of the caller's own, from the device's order into the usual, or back."""
    if register.order in ("CDAB", "DCBA"):
        words.reverse()
    if register.order in ("BADC", "DCBA"):
        words = [word >> 8 | (word & 0xFF) << 8 for word in words]
    return words


def _text(name: str, register: Register, words: Sequence[int]) -> str:
    packed = struct.pack(f">{register.count}H", *_ordered(register, list(words)))
    try:
        return packed.split(b"\0", 1)[0].decode("ascii").rstrip(" ")
    except UnicodeDecodeError as error:
        raise ModbusGarbled(f"{name} holds no ASCII text: {packed!r}.", field=name) from error


def _text_words(name: str, register: Register, value: Value) -> list[int]:
    """Return the words of a text, filled up with zeros."""
    size = 2 * register.count
    if not isinstance(value, str) or not value.isascii() or "\0" in value:
        raise InvalidValue(f"{name} takes ASCII text, not {value!r}.", field=name, value=str(value))
    if len(value) > size:
        raise InvalidValue(
            f"{name} holds {size} characters, not {len(value)}.",
            field=name,
            value=len(value),
            limit=size,
            unit="{char}",
        )
    packed = value.encode("ascii").ljust(size, b"\0")
    return _ordered(register, list(struct.unpack(f">{register.count}H", packed)))
