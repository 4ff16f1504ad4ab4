"""The words of vendors' register lists: headers, types, tables, byte orders, units. Pure."""

from __future__ import annotations

import re
import unicodedata

from handrail_drivers.errors import InvalidValue
from handrail_drivers.modbus.frames import READS, Table
from handrail_drivers.modbus.register_map import Kind, Order

HEADERS = {  # the likelier first: a header is taken once, by the first that claims it
    "address": (
        "address addr register_address reg_address register_number adresse registeradresse "
        "register reg offset register_offset"
    ),
    "name": (
        "name tag tag_name tagname signal signal_name variable variable_name parameter "
        "parameter_name register_name point point_name item label symbol bezeichnung signalname "
        "register"
    ),
    "type": (
        "type data_type datatype format data_format value_type var_type datentyp typ encoding"
    ),
    "table": (
        "table function function_code fc fn func object_type object register_type area modbus_type "
        "memory_area registertyp funktion funktionscode modbus_function read_function"
    ),
    "scale": "scale factor scale_factor scaling multiplier multiply_by gain resolution faktor "
    "skalierung",
    "divisor": "divisor divider divide_by",
    "offset": "offset value_offset scale_offset bias",
    "unit": "unit units eu uom engineering_unit engineering_units unit_of_measure einheit",
    "access": "access rw r_w read_write access_type access_mode permission permissions mode "
    "attribute writable writeable zugriff",
    "low": "min minimum low low_limit lower_limit min_value range_min minimum_value",
    "high": "max maximum high high_limit upper_limit max_value range_max maximum_value",
    "description": "description desc comment comments remark remarks note notes meaning text "
    "beschreibung kommentar bemerkung",
    "order": "byte_order byteorder endian endianness endianess word_order wordorder order "
    "byte_word_order swap swapping",
    "length": "length len count size quantity registers register_count number_of_registers words "
    "num_registers nb_registers length_words anzahl",
    "bit": "bit bit_number bit_position bit_offset bit_index bits",
    "slave": "slave slave_id unit_id device_id station slave_address unit_address slaveid unitid",
}
FILLERS = {"modbus", "plc", "start", "starting", "dec", "decimal", "hex", "the", "no", "nr", "in"}
TYPES = {
    Kind.BOOL: "bool boolean bit coil digital flag binary discrete",
    Kind.U16: "u16 uint16 uint16t uint ushort word unsigned unsigned16 unsignedint unsignedint16 "
    "unsignedshort unsignedinteger 16bitunsigned unsigned16bit uint16bit w16 enum enum16 bitfield "
    "bitfield16 bitmap bitmask flags byte uint8 u8 usint",
    Kind.I16: "i16 int16 int16t int short s16 sint16 signed signed16 signedint signedint16 "
    "signedshort signedinteger integer 16bitsigned signed16bit int16bit sunssf int8 i8 sint",
    Kind.U32: "u32 uint32 uint32t udint dword ulong unsigned32 unsignedint32 unsignedlong "
    "uint32bit 32bitunsigned unsigned32bit acc32 enum32 bitfield32",
    Kind.I32: "i32 int32 int32t dint long s32 sint32 signed32 signedint32 signedlong int32bit "
    "32bitsigned signed32bit longint",
    Kind.U64: "u64 uint64 uint64t ulint lword qword unsigned64 unsignedint64 acc64 64bitunsigned",
    Kind.I64: "i64 int64 int64t lint s64 sint64 signed64 signedint64 longlong 64bitsigned",
    Kind.F32: "f32 float float32 real real32 single ieee754 ieee float32bit 32bitfloat",
    Kind.F64: "f64 float64 double lreal real64 float64bit 64bitfloat",
    Kind.STRING: "string str text ascii char chars asciistring",
}
UCUM = {
    "Cel": "°c ℃ degc deg_c celsius cel c",
    "[degF]": "°f degf fahrenheit f",
    "K": "k kelvin",
    "/min": "rpm 1/min u/min min-1 r/min rev/min /min",
    "/s": "1/s /s",
    "Hz": "hz",
    "kHz": "khz",
    "%": "% percent pct %rh %rf",
    "[ppm]": "ppm",
    "deg": "° deg degree degrees",
    "rad": "rad",
    "s": "s sec second seconds",
    "ms": "ms msec",
    "min": "min minute minutes",
    "h": "h hr hour hours std",
    "d": "d day days",
    "V": "v volt volts",
    "mV": "mv",
    "kV": "kv",
    "A": "a amp amps ampere",
    "mA": "ma",
    "W": "w watt watts",
    "kW": "kw",
    "kW.h": "kwh",
    "W.h": "wh",
    "V.A": "va",
    "kV.A": "kva",
    "Ohm": "ohm ω ohms",
    "Pa": "pa",
    "kPa": "kpa",
    "bar": "bar",
    "mbar": "mbar",
    "[psi]": "psi",
    "N": "n",
    "N.m": "nm n.m n*m",
    "kg": "kg",
    "g": "g",
    "t": "t",
    "m": "m",
    "mm": "mm",
    "cm": "cm",
    "um": "um μm",
    "m/s": "m/s",
    "mm/s": "mm/s",
    "m3": "m3",
    "m3/h": "m3/h",
    "L": "l liter litre",
    "L/min": "l/min lpm",
    "L/h": "l/h",
    "L/s": "l/s",
    "kg/h": "kg/h",
    "uS/cm": "us/cm μs/cm",
    "[pH]": "ph",
    "W/m2": "w/m2",
    "lx": "lx lux",
    "dB": "db",
}
CAPITALS = dict.fromkeys("SMTGHD", "")  # these letters are something else than the small ones
CAPITALS |= {"MW": "MW", "MWh": "MW.h", "MV": "MV", "MPa": "MPa", "MHz": "MHz", "MOhm": "MOhm"}
LOW_WORD_FIRST = ("low word", "lsw", "word swap", "little word", "words swapped")
LITTLE = {"le", "lsb", "lsb first"}
BIG = {"be", "msb", "msb first", "msw first", "high word first", "normal", "standard", "no"}
BLANK = {"", "-", "--", "–", "—", "/", "n/a", "na", "none", "null"}

_TYPES = {word: kind for kind, words in TYPES.items() for word in words.split()}
_UCUM = {word: code for code, words in UCUM.items() for word in words.split()}
_ORDER = {"be": "big", "le": "little", "lsb": "little", "msb": "big", "swapped": "wordswap"}


def plain(text: str) -> str:
    """Return a header or a word for comparison: ASCII, lower case, words joined by ``_``."""
    flat = unicodedata.normalize("NFKD", re.sub(r"[(\[{].*", "", text) or text)
    words = re.findall(r"[a-z0-9]+", flat.encode("ascii", "ignore").decode().lower())
    return "_".join(words)


def header_words(text: str) -> set[str]:
    """Return the forms under which a header may be known."""
    short = [word for word in plain(text).split("_") if word not in FILLERS]
    return {plain(text), "_".join(short)} - {""}


def identifier(text: str) -> str:
    """Return a name as register maps have it, empty where nothing of it is left."""
    flat = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", flat).strip("_")
    return (f"r_{name}" if name[:1].isdigit() else name)[:56].rstrip("_")


def ucum(text: str) -> str | None:
    """Return the UCUM code of a unit; None where it is not known."""
    word = re.sub(r"\s+", "", text.strip("[]() "))
    if word.lower() in BLANK | {"1"}:
        return "1"
    if word in CAPITALS:
        return CAPITALS[word] or None
    return _UCUM.get(unicodedata.normalize("NFKC", word).lower())  # ³ becomes 3, ℃ °c, µ μ


def kind(text: str) -> tuple[Kind, int | None, str]:
    """Return type, length of a string in characters, and what is said of the byte order.

    Raises:
        InvalidValue: no such type.
    """
    match = re.fullmatch(r"([^\[(]*)[\[(]\s*([0-9]{1,4})\s*[\])]", text.strip())
    word, length = (match[1], int(match[2])) if match else (text, None)
    order = ""
    parts = re.split(r"[\s_\-,]+", word.strip().lower())
    while len(parts) > 1 and (parts[-1] in _ORDER or parts[-1] in ("big", "little", "endian")):
        order = f"{_ORDER.get(parts[-1], parts[-1])} {order}"
        parts.pop()
    name = re.sub(r"[^a-z0-9]", "", "".join(parts))
    if ends := re.fullmatch(r"(?:string|str|char|ascii)([0-9]{1,4})", name):
        return Kind.STRING, int(ends[1]), order
    if name not in _TYPES:
        raise InvalidValue(f"{text!r} is no type that is known", field="type", value=text)
    return _TYPES[name], length, order


def table(text: str) -> tuple[Table, bool]:
    """Return a table, and whether what names it writes.

    Raises:
        InvalidValue: no such table.
    """
    low = text.lower()
    if area := re.match(r"\s*([0134])x+\b", low):
        return _AREAS[area[1]], False
    writes = "write" in low
    if "hold" in low or re.search(r"\bhr\b", low):
        return Table.HOLDING, writes
    if "discrete" in low or "digital input" in low or re.search(r"\bdi\b", low):
        return Table.DISCRETE, False
    if "coil" in low or re.search(r"\b(do|co)\b|digital output", low):
        return Table.COIL, writes
    if "input" in low or re.search(r"\bir\b", low):
        return Table.INPUT, False
    codes = re.findall(r"\b(?:0x[0-9a-f]{1,2}|[0-9]{1,2})\b", re.sub(r"\bfc?(?=[0-9])", "", low))
    numbers = [int(code, 16 if "x" in code else 10) for code in codes]
    found = next((number for number in numbers if number in _READS), None)
    written = [_WRITES[number] for number in numbers if number in _WRITES]
    if found is not None or written:
        return _READS[found] if found is not None else written[0], bool(written)
    raise InvalidValue(f"{text!r} is no table and no function", field="table", value=text)


def order(text: str) -> Order:
    """Return a byte order.

    Raises:
        InvalidValue: no such order.
    """
    low = re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
    letters = low.replace(" ", "").translate(str.maketrans("1234", "abcd")).upper()
    if letters in _ORDERS:
        return _ORDERS[letters]
    words = low.replace("wordswap", "word swap").replace("byteswap", "byte swap")
    little = "little" in words or words in LITTLE
    if any(said in words for said in LOW_WORD_FIRST):
        return "CDAB"
    if "byte swap" in words or words.startswith("mid"):
        return "CDAB" if little else "BADC"
    if little:
        return "DCBA"
    if "big" in words or words in BIG:
        return "ABCD"
    raise InvalidValue(f"{text!r} is no byte order that is known", field="order", value=text)


_READS = {number: table for table, number in READS.items()}
_WRITES = {5: Table.COIL, 15: Table.COIL, 6: Table.HOLDING, 16: Table.HOLDING}
_AREAS = {"0": Table.COIL, "1": Table.DISCRETE, "3": Table.INPUT, "4": Table.HOLDING}
_ORDERS: dict[str, Order] = {"ABCD": "ABCD", "CDAB": "CDAB", "BADC": "BADC", "DCBA": "DCBA"}
_ORDERS |= {"AB": "ABCD", "BA": "BADC"}
