"""Our Modbus driver against a server on libmodbus, over TCP and over a serial line."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import threading
import tty
from collections.abc import Iterator
from pathlib import Path
from select import select

import pytest
from handrail_drivers.errors import ModbusException
from handrail_drivers.modbus.device import ModbusDevice, ModbusSettings
from handrail_drivers.modbus.lines import Lines, line_settings
from handrail_drivers.modbus.map_file import load_map
from handrail_drivers.modbus.probe import probe
from handrail_drivers.modbus.probe_draft import draft_map
from handrail_drivers.modbus.read_only import ReadOnlyLine
from handrail_drivers.modbus.scan import candidates, scan

SOURCE = Path(__file__).parent / "peers" / "modbus_server.c"
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
MAP = """
gap = 5

[registers.first]
description = "7 n + 1"
address = 0

[registers.tenth]
description = "7 n + 1"
address = 10
effect = "configure"
read_back = true

[registers.high]
description = "high byte"
address = 40
bits = { low = 8, width = 8 }

[registers.low_bits]
description = "4 bits"
address = 41
bits = { low = 0, width = 4 }
effect = "configure"

[registers.input]
description = "1000 + n"
address = 3
table = "input"
scale = 0.1

[registers.coil]
description = "3 divides"
address = 4
table = "coil"
type = "bool"
effect = "configure"
read_back = true

[registers.odd]
description = "n is odd"
address = 7
table = "discrete"
type = "bool"

[registers.wide]
description = "64 bits"
address = 80
type = "i64"
order = "CDAB"
effect = "configure"
read_back = true

[registers.beyond]
description = "not there"
address = 200

""" + "\n".join(
    f"[registers.float_{order.lower()}]\n"
    f'description = "1234.5"\naddress = {60 + 2 * n}\ntype = "f32"\norder = "{order}"\n'
    'effect = "configure"\nread_back = true\n'
    for n, order in enumerate(ORDERS)
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The peer's program, made with what `make setup` installs."""
    program = str(tmp_path_factory.mktemp("peer") / "modbus_server")
    compiler = shutil.which("gcc")
    flags = ["-Wall", "-Wextra", "-Werror", "-I/usr/include/modbus", str(SOURCE), "-lmodbus"]
    command = [compiler or "gcc", "-o", program, *flags]
    made = compiler and subprocess.run(command, check=False, capture_output=True, timeout=60)
    if not made or made.returncode:
        why = made.stderr.decode() if made else "there is no gcc"
        if "CI" in os.environ:
            pytest.fail(f"the peer cannot be built: {why}")
        pytest.skip(f"install gcc and libmodbus-dev: {why}")
    return program


@pytest.fixture(params=["tcp", "rtu"])
def where(request: pytest.FixtureRequest, server: str) -> Iterator[dict[str, str]]:
    """The line at whose end the peer is."""
    with Cable() as cable:
        arguments = ["tcp"] if request.param == "tcp" else ["rtu", cable.theirs]
        with subprocess.Popen([server, *arguments], stdout=subprocess.PIPE) as process:
            said = process.stdout.readline().decode().strip() if process.stdout else ""
            yield {"tcp": f"127.0.0.1:{said}"} if request.param == "tcp" else {"port": cable.ours}
            process.kill()


@pytest.fixture
def device(where: dict[str, str], tmp_path: Path) -> Iterator[ModbusDevice]:
    path = tmp_path / "map.toml"
    path.write_text(MAP)
    lines = Lines()
    settings = ModbusSettings(map=path, baud=115200, **where)
    found = ModbusDevice("peer", settings, lines.line(settings))
    yield found
    found.close()
    lines.close()


class Cable:
    """Two terminals, each the other's far end."""

    def __enter__(self) -> Cable:
        self._ends = [pty.openpty(), pty.openpty()]
        for end in self._ends:
            tty.setraw(end[1])
        self.ours, self.theirs = (os.ttyname(end[1]) for end in self._ends)
        self._over, self._end = os.pipe()
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self._end, b"x")
        self._thread.join()
        for descriptor in (*self._ends[0], *self._ends[1], self._over, self._end):
            os.close(descriptor)

    def _carry(self) -> None:
        one, other = (end[0] for end in self._ends)
        while True:
            ready = select([one, other, self._over], [], [])[0]
            if self._over in ready:
                return
            for end in ready:
                os.write(other if end == one else one, os.read(end, 4096))


def test_values_are_as_the_server_has_them(device: ModbusDevice) -> None:
    names = [name for name in device.map.registers if name not in ("beyond", "wide")]
    values = device.read(names)
    assert {name: values[name] for name in ("first", "tenth", "high", "low_bits")} == {
        "first": 1,
        "tenth": 71,
        "high": (7 * 40 + 1) >> 8,
        "low_bits": (7 * 41 + 1) & 0xF,
    }
    assert values["input"] == pytest.approx(100.3)
    assert (values["coil"], values["odd"]) == (False, True)
    assert [values[f"float_{order.lower()}"] for order in ORDERS] == [1234.5] * 4


def test_what_is_written_stands_there(device: ModbusDevice) -> None:
    for name, value in {
        "tenth": 4711,
        "coil": True,
        "wide": -(2**60) - 3,
        "float_abcd": -0.25,
        "float_cdab": 1e10,
        "float_badc": 3.5,
        "float_dcba": 0.0,
    }.items():
        assert device.write(name, value) is True
        assert device.read([name])[name] == value


def test_a_field_of_bits_is_written_alone(device: ModbusDevice) -> None:
    before = 7 * 41 + 1
    device.write("low_bits", 9)
    assert device.read(["low_bits"])["low_bits"] == 9
    device.write("low_bits", before & 0xF)
    assert device.read(["high"])["high"] == (7 * 40 + 1) >> 8


def test_its_refusal_is_named(device: ModbusDevice) -> None:
    with pytest.raises(ModbusException, match=r"beyond.*illegal data address") as refused:
        device.read(["beyond"])
    assert refused.value.value == 2
    assert device.read(["first"])["first"] == 1


def test_it_is_found_by_a_scan(where: dict[str, str]) -> None:
    lines = candidates(bauds=[115200], parities=["even"], timeout=0.1, **where)
    found = scan(lines, (1,)).found
    assert [(one.unit, one.answer, one.identity) for one in found] == [
        (1, "holding register 0 is 1", None)
    ]


def test_a_probe_finds_what_it_holds(where: dict[str, str], tmp_path: Path) -> None:
    with ReadOnlyLine(line_settings(baud=115200, **where)) as line:
        found = probe(line, 1, last=149)
    assert {str(table.table): table.runs for table in found.tables} == {
        "holding": [(0, 99)],
        "input": [(0, 99)],
        "coil": [(0, 31)],
        "discrete": [(0, 31)],
    }
    (tmp_path / "map.toml").write_text(draft_map(found).text)
    assert load_map(tmp_path / "map.toml").registers["holding_10"].type == "u16"
