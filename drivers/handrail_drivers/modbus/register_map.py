"""A register map: which value of a Modbus device stands where, and what it means."""

from __future__ import annotations

import math
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from handrail_drivers.api import Effect
from handrail_drivers.modbus.frames import Table

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
ExceptionCode = Annotated[str, Field(pattern=r"^(0x[0-9a-fA-F]{1,2}|[1-9][0-9]{0,2})$")]
Order = Literal["ABCD", "CDAB", "BADC", "DCBA"]
WIDTH = 16  # bits of a register
MOST_F32 = 3.4028234663852886e38  # IEEE 754 binary32
WIDEST = 64  # bits of the longest number


class Kind(StrEnum):
    """How a value is stored."""

    BOOL = "bool"
    U16 = "u16"
    I16 = "i16"
    U32 = "u32"
    I32 = "i32"
    U64 = "u64"
    I64 = "i64"
    F32 = "f32"
    F64 = "f64"
    STRING = "string"

    @property
    def registers(self) -> int:
        """How many registers it takes; 0 for a string, whose length the map tells."""
        if self is Kind.BOOL:
            return 1
        return 0 if self is Kind.STRING else int(self[1:]) // WIDTH

    @property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers."""
        return self[0] in "ui"

    @property
    def range(self) -> tuple[int, int]:
        """Least and greatest raw number of a whole kind."""
        size = int(self[1:])
        return (-(1 << size - 1), (1 << size - 1) - 1) if self[0] == "i" else (0, (1 << size) - 1)


BIT_KINDS = (Kind.U16, Kind.U32, Kind.U64, Kind.BOOL)


class Bits(BaseModel):
    """A field of bits in a register, or in several that make one number."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    low: Annotated[int, Field(ge=0, lt=WIDEST)] = Field(description="lowest bit, 0 the least")
    width: Annotated[int, Field(ge=1, le=WIDEST)] = 1


class Register(BaseModel):
    """One value: where it stands, and what it means. ``value = raw * scale + offset``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    description: Annotated[str, Field(min_length=1)] = Field(description="for people and models")
    address: Annotated[int, Field(ge=0, le=0xFFFF)] = Field(description="as in the frame, from 0")
    table: Table = Table.HOLDING
    type: Kind = Kind.U16
    length: Annotated[int, Field(ge=1, le=123)] | None = Field(
        default=None, description="registers of a string, two characters each"
    )
    order: Order = Field(
        default="ABCD",
        description="of a value over several registers: ABCD high word and high byte first, CDAB "
        "low word first, BADC bytes swapped in each word, DCBA both",
    )
    bits: Bits | None = None
    scale: float = 1.0
    offset: float = 0.0
    unit: str = Field(default="1", description="UCUM code")
    low: float | None = None
    high: float | None = None
    choices: dict[str, int] | None = Field(default=None, description="raw number by name")
    effect: Effect = Field(default=Effect.OBSERVE, description="of writing; observe: it is not")
    poll: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=None, description="Hz at which it is read without being asked for"
    )
    safe: float | bool | str | None = Field(
        default=None, description="written when everything stops, and at the end"
    )
    read_back: bool = Field(default=False, description="read after each writing, and compared")

    @property
    def count(self) -> int:
        """Registers, or bits of a bit table, that it takes."""
        return self.length or self.type.registers

    @property
    def end(self) -> int:
        """The address after its last."""
        return self.address + self.count

    @property
    def is_exact(self) -> bool:
        """Whether its value is its raw whole number."""
        return self.type.is_whole and (self.scale, self.offset) == (1, 0)

    @property
    def writable(self) -> bool:
        """Whether it can be written."""
        return self.effect is not Effect.OBSERVE

    @property
    def raw_range(self) -> tuple[float, float]:
        """Least and greatest raw number that fits."""
        if self.bits is not None:
            return 0, (1 << self.bits.width) - 1
        if self.type is Kind.F32:
            return -MOST_F32, MOST_F32
        return self.type.range if self.type.is_whole else (-math.inf, math.inf)


class RegisterMap(BaseModel):
    """All that Handrail knows of one kind of device."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    registers: Annotated[dict[Name, Register], Field(min_length=1)]
    most_registers: Annotated[int, Field(ge=1, le=125)] = Field(
        default=125, description="that the device answers at once"
    )
    most_coils: Annotated[int, Field(ge=1, le=2000)] = 2000
    gap: Annotated[int, Field(ge=0, le=124)] = Field(
        default=0, description="registers without meaning that a read may pass over"
    )
    exceptions: dict[ExceptionCode, str] = Field(
        default={}, description="what exception codes of the vendor's own mean"
    )

    @property
    def safe(self) -> dict[str, float | bool | str]:
        """Safe values by the register's name."""
        return {name: one.safe for name, one in self.registers.items() if one.safe is not None}

    @cached_property
    def exception_names(self) -> dict[int, str]:
        """Names of exceptions by their number."""
        return {int(code, 0): name for code, name in self.exceptions.items()}
