"""Clients that none of us wrote against the twin's Modbus, over TCP and over a serial line."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from handrail_drivers.inverter.power import Power
from handrail_drivers.loopback_port import StreamPort
from handrail_drivers.modbus.frames import Table
from handrail_drivers.modbus.unit import ILLEGAL_ADDRESS, Refusal
from handrail_drivers.modbus.unit_line import ModbusLine
from handrail_drivers.pseudo_terminal import PseudoTerminal
from handrail_sim.twin.inverter import CONNECTION, WORDS
from handrail_sim.twin.launch import Twin
from handrail_sim.twin.modbus_port import ModbusPort
from handrail_sim.twin.wire import Wire
from pymodbus import FramerType
from pymodbus.client import ModbusSerialClient, ModbusTcpClient

PEERS = Path(__file__).parent / "peers"
MODULES = Path(sys.prefix) / "peers" / "node_modules"
UNIT = 9
SIZE = 130

Ask = Callable[..., list[list[int] | str]]


class Bank:
    """Registers 7 n + 1 and coils at every third place, all of which can be written."""

    identity = ("Handrail", "bank", "1.0")

    def __init__(self) -> None:
        self.cells = {
            Table.HOLDING: [7 * n + 1 for n in range(SIZE)],
            Table.INPUT: [1000 + n for n in range(SIZE)],
            Table.COIL: [int(n % 3 == 0) for n in range(SIZE)],
            Table.DISCRETE: [n % 2 for n in range(SIZE)],
        }

    def read(self, table: Table, address: int, count: int) -> Sequence[int]:
        if address + count > SIZE:
            raise Refusal(ILLEGAL_ADDRESS)
        return self.cells[table][address : address + count]

    def write(self, table: Table, address: int, values: Sequence[int]) -> None:
        self.read(table, address, len(values))
        self.cells[table][address : address + len(values)] = values


class Served:
    """A port and a line with the same bank, in a thread, as the twin serves them."""

    def __init__(self, folder: Path) -> None:
        self.bank = Bank()
        self.port = ModbusPort({UNIT: self.bank})
        self.line = ModbusLine({UNIT: self.bank})
        self.wire = Wire(self.line, PseudoTerminal(folder / "line", None))
        self.gateway = StreamPort(ModbusLine({UNIT: self.bank}))
        self._ended, self._end = os.pipe()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def where(self) -> dict[str, str]:
        ports = {"tcp": self.port, "gateway": self.gateway}
        numbers = {kind: port.address.partition(":")[2] for kind, port in ports.items()}
        return {**numbers, "rtu": self.wire.terminal.path}

    def close(self) -> None:
        os.write(self._end, b"x")
        self._thread.join()
        self.port.pull()
        self.gateway.pull()
        self.wire.terminal.pull()
        os.close(self._end)
        os.close(self._ended)

    def _run(self) -> None:
        while True:
            sources = [self._ended, self.wire.terminal.fileno, *self.port.descriptors()]
            sources += self.gateway.descriptors()
            due = self.wire.terminal.due
            patience = None if due is None else max(0.0, due - time.monotonic())
            ready = select.select(sources, [], [], patience)[0]
            if self._ended in ready:
                return
            if self.wire.terminal.fileno in ready:
                self.wire.receive(time.monotonic())
            for descriptor in ready:
                self.port.serve(descriptor)
                self.gateway.serve(descriptor)
            self.wire.flush(time.monotonic())


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.close()


def missing(what: str) -> None:
    """A peer that is not there fails in CI, and is skipped elsewhere."""
    if "CI" in os.environ:
        pytest.fail(what)
    pytest.skip(what)


def told(command: Sequence[str], **environment: str) -> list[str]:
    ran = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout.splitlines()


# --- libmodbus --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def libmodbus(tmp_path_factory: pytest.TempPathFactory) -> str:
    program = str(tmp_path_factory.mktemp("peer") / "modbus_client")
    flags = ["-Wall", "-Wextra", "-Werror", "-I/usr/include/modbus"]
    command = ["gcc", "-o", program, *flags, str(PEERS / "modbus_client.c"), "-lmodbus"]
    made = shutil.which("gcc") and subprocess.run(
        command, check=False, capture_output=True, timeout=60
    )
    if not made or made.returncode:
        missing(f"install gcc and libmodbus-dev: {made.stderr.decode() if made else 'no gcc'}")
    return program


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
def test_libmodbus_reads_and_writes(served: Served, libmodbus: str, kind: str) -> None:
    where = [kind, served.where[kind], *(["115200", "N"] if kind == "rtu" else []), str(UNIT)]
    acts = "r 3 4  c 0 5  w 3 4711  W 4 1 65535  k 1 1  r 3 4  c 0 5  m 3 240 15  x 0 77 5  r 128 5"
    assert told([libmodbus, *where, *acts.split()]) == [
        "ok 22 29 36 43",
        "ok 1 0 0 1 0",
        "ok",
        "ok",
        "ok",
        "ok 4711 1 65535 43",
        "ok 1 1 0 1 0",
        "ok",
        f"ok 77 8 15 {4711 & 240 | 15 & ~240} 1",
        "error Illegal data address",
    ]


def test_libmodbus_drives_the_belt_which_stands_once_it_is_silent(libmodbus: str) -> None:
    """Foreign software moves the physics; gone, it leaves no belt running."""
    with Twin.start("line", seed=3) as twin:
        where = ["rtu", twin.wires["belt_drive"], "115200", "N", "1"]
        up = "w 200 30  w 100 6  w 100 7  w 100 127  r 110 1  w 101 1000"
        assert told([libmodbus, *where, *up.split()])[4] == f"ok {WORDS[Power.ENABLED]}"

        def belt() -> dict[str, float]:
            joint: dict[str, float] = twin.truth.snapshot()["joints"]["belt"]
            return joint

        deadline = time.monotonic() + 20
        while belt()["position"] < 0.005 or abs(belt()["velocity"]) > 0.001:
            assert time.monotonic() < deadline, belt()
        assert belt()["position"] < 0.1 * (0.3 + 0.2)
        assert told([libmodbus, *where, *["r", "110", "1", "r", "115", "1"]]) == [
            f"ok {WORDS[Power.FAULT]}",
            f"ok {CONNECTION}",
        ]


def test_libmodbus_activates_and_closes_the_gripper(libmodbus: str) -> None:
    """By the registers that its manual gives: 0x03E8 requests, 0x07D0 status, unit 9."""
    with Twin.start("desk_2f85", seed=3) as twin:
        where = ["rtu", twin.wires["gripper_line"], "115200", "N", "9"]

        def asked(acts: str) -> list[str]:
            return told([libmodbus, *where, *acts.split()])

        def status(wanted: int) -> list[str]:
            """Echo, position and current once the first byte is what is wanted."""
            deadline = time.monotonic() + 20
            while True:
                _, first, *rest = asked("r 2000 3")[0].split()
                if int(first) >> 8 == wanted:
                    return rest
                assert time.monotonic() < deadline, (first, rest)

        assert asked("r 2000 1") == ["ok 0"]
        assert asked("w 1000 0  w 1000 256") == ["ok", "ok"]  # rACT
        status(0x31)  # gACT, gSTA 3
        # Position 100, speed 255, force 0; then rGTO.
        assert asked(f"W 1001 100 {255 << 8}  w 1000 {0x0900}") == ["ok", "ok"]
        (_, found) = map(int, status(0xF9))  # gOBJ 3: there, nothing in between
        assert found >> 8 == pytest.approx(100, abs=2)
        finger = twin.truth.snapshot()["joints"]["gripper"]["position"]
        assert finger == pytest.approx(0.0425 * (228 - 100) / (228 - 3), abs=0.0006)


# --- modbus-serial ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tcp", "gateway", "rtu"])
def test_modbus_serial_reads_and_writes(served: Served, kind: str) -> None:
    node = shutil.which("node")
    if node is None or not MODULES.is_dir():
        missing("install nodejs and npm, then run `make setup` again")
    acts = [
        ["readHoldingRegisters", 3, 4],
        ["readInputRegisters", 0, 2],
        ["readCoils", 0, 5],
        ["readDiscreteInputs", 0, 3],
        ["writeRegister", 3, 4711],
        ["writeRegisters", 4, [1, 65535]],
        ["writeCoil", 1, True],
        ["writeCoils", 2, [True, True]],
        ["readHoldingRegisters", 3, 4],
        ["readCoils", 0, 5],
        ["readHoldingRegisters", 128, 5],
    ]
    command = [str(node), str(PEERS / "modbus_client.js"), kind, served.where[kind], str(UNIT)]
    said = [json.loads(line) for line in told([*command, json.dumps(acts)], NODE_PATH=str(MODULES))]
    assert [one.get("data") for one in said[:2]] == [[22, 29, 36, 43], [1000, 1001]]
    assert said[2]["data"][:5] == [True, False, False, True, False]
    assert said[3]["data"][:3] == [False, True, False]
    assert not any("error" in one for one in said[:10])
    assert said[8]["data"] == [4711, 1, 65535, 43]
    assert said[9]["data"][:5] == [True, True, True, True, False]
    assert said[10]["code"] == ILLEGAL_ADDRESS


# --- pymodbus ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tcp", "gateway", "rtu"])
def test_pymodbus_reads_who_it_is(served: Served, kind: str) -> None:
    where = served.where[kind]
    framer = FramerType.SOCKET if kind == "tcp" else FramerType.RTU
    client = (
        ModbusSerialClient(where, baudrate=115200)
        if kind == "rtu"
        else ModbusTcpClient("127.0.0.1", port=int(where), framer=framer)
    )
    with client:
        said = client.read_device_information(device_id=UNIT)
        assert [text.decode() for text in said.information.values()] == list(Bank.identity)
        assert client.read_holding_registers(0, count=125, device_id=UNIT).registers[124] == 869
        assert client.read_holding_registers(0, count=2, device_id=UNIT).registers == [1, 8]


def test_a_unit_that_is_not_there_says_nothing(served: Served) -> None:
    with ModbusTcpClient("127.0.0.1", port=int(served.where["tcp"]), timeout=0.2, retries=0) as one:
        with pytest.raises(Exception, match="No response"):
            one.read_holding_registers(0, count=1, device_id=UNIT + 1)
        assert one.read_holding_registers(0, count=1, device_id=UNIT).registers == [1]
