"""The bench: a driver on an emulator, and every operation of it as a call that ends."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from handrail_drivers.api import Effect, InputBus, MotionBus
from handrail_drivers.conformance.line import BenchLine
from handrail_drivers.conformance.subject import Conformance, Outputs
from handrail_drivers.emulator import Emulator, StandIn
from handrail_drivers.errors import InvalidRequest
from handrail_drivers.modbus.unit_line import ModbusLine
from handrail_drivers.plugins import transports
from handrail_drivers.schema import arguments_model, tool_methods, tool_schemas

HANG = 5.0  # s beyond its patience after which a call counts as endless


class Failed(AssertionError):
    """A driver does not do what a check demands; the sentence says what."""


class NotApplicable(Exception):
    """A check that says nothing about this driver; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a driver does."""

    name: str
    effect: Effect
    call: Callable[..., Any]
    arguments: Mapping[str, Any]
    outputs: Outputs

    @property
    def is_async(self) -> bool:
        """Whether it is a coroutine, which runs in the event loop itself."""
        return inspect.iscoroutinefunction(self.call)


@dataclass(slots=True)
class Done:
    """How a call ended: with a result or an error, and the CPU time [s] of its thread."""

    result: Any = None
    error: BaseException | None = None
    cpu: float = 0.0
    thread: int = 0


class Running:
    """A call in a thread of its own."""

    def __init__(self, bench: Bench, function: Callable[[], Any]) -> None:
        self._bench = bench
        self._function = function
        self._done = Done()
        self._thread = threading.Thread(target=self._run, name="call", daemon=True)
        self._thread.start()

    def end(self, what: str) -> Done:
        """Wait for its end.

        Raises:
            Failed: it does not end.
        """
        self._thread.join(self._bench.subject.patience + HANG)
        if self._thread.is_alive():
            self._bench.end_line()
            raise Failed(f"{what} does not end")
        return self._done

    def _run(self) -> None:
        self._done.thread = threading.get_ident()
        began = time.thread_time()
        try:
            self._done.result = self._function()
        except BaseException as error:  # noqa: BLE001  whatever a driver raises is judged
            self._done.error = error
        self._done.cpu = time.thread_time() - began


class Bench:
    """One driver, made afresh for one check."""

    def __init__(self, subject: Conformance) -> None:
        self.subject = subject
        self.settings = subject.driver.Settings.model_validate(dict(subject.settings))
        self.emulator: StandIn | None = subject.emulator()
        self.line = None if self.emulator is None else self._laid(self.emulator)
        transport = None
        if self.line is not None:
            kind = transports.one(subject.driver.transport)
            transport = kind.over(self.line.open, self.settings)
        self.driver = subject.driver("device", self.settings, transport)
        self.operations = {one.name: one for one in self._operations()}

    def _laid(self, emulator: Any) -> BenchLine:
        modbus = self.subject.driver.transport == "modbus"
        end: Emulator = ModbusLine({self.settings.unit: emulator}) if modbus else emulator
        return BenchLine(end, self.subject.patience)

    def connect(self) -> None:
        """Connect the driver.

        Raises:
            Failed: it does not.
        """
        done = self.run("connect", lambda: self.subject.open(self.driver))
        if done.error is not None:
            raise Failed(f"connect fails on the emulator: {spoken(done.error)}")

    def do(self, operation: Operation, arguments: Mapping[str, Any] | None = None) -> Done:
        """Do one operation as the bridge does, its arguments validated by its schema."""
        given = operation.arguments if arguments is None else arguments
        return self.run(operation.name, self._called(operation, given))

    def prepare(self, name: str) -> None:
        """Do what has to come before an operation: a bus takes setpoints once it has torque."""
        if name == "write" and isinstance(self.driver, MotionBus):
            self.do(self.operations["set_torque"])
            self.do(self.operations["read"])

    def begin(self, operation: Operation) -> Running:
        """Begin an operation that will wait."""
        self._count_anew()
        return Running(self, self._called(operation, operation.arguments))

    def run(self, name: str, function: Callable[[], Any]) -> Done:
        """Run anything of the driver to its end."""
        self._count_anew()
        return Running(self, function).end(name)

    def outputs(self) -> dict[str, float]:
        """Return what the device does to the world now."""
        return {} if self.emulator is None else dict(self.emulator.outputs())

    def asks(self, operation: Operation) -> bool:
        """Tell whether an operation gets an answer at all, doing it once."""
        assert self.line is not None  # noqa: S101  who asks has a line
        before = self.line.answers
        done = self.do(operation)
        if done.error is not None:
            raise Failed(f"{operation.name} fails on the emulator: {spoken(done.error)}")
        return self.line.answers > before

    def end_line(self) -> None:
        """End whoever still uses the line."""
        if self.line is not None:
            self.line.end()

    def close(self) -> None:
        """Close the driver and end whoever goes on."""
        try:
            if self.line is not None and not self.line.plugged:
                self.line.plug()
            self.run("close", self.driver.close)
        except Failed:
            return  # what close has to do is another check's
        finally:
            self.end_line()

    def _count_anew(self) -> None:
        if self.line is not None:
            self.line.waiting.clear()
            self.line.begin()

    def _called(self, operation: Operation, given: Mapping[str, Any]) -> Callable[[], Any]:
        method = operation.call
        if not hasattr(method, "__handrail_tool__"):
            return lambda: method(**given)

        def call() -> Any:
            valid = arguments_model(method).model_validate(dict(given))
            arguments = {name: getattr(valid, name) for name in valid.model_fields_set}
            if operation.is_async:
                return asyncio.run(method(**arguments))
            return method(**arguments)

        return call

    def _operations(self) -> Iterator[Operation]:
        driver, calls = self.driver, dict(self.subject.calls)
        methods = tool_methods(driver)
        for schema in tool_schemas(driver):
            given = calls.pop(schema.name, None)
            if given is None and schema.input_schema.get("required"):
                raise InvalidRequest(
                    f"The conformance of {type(driver).__name__} has no call of {schema.name}.",
                    field=f"calls.{schema.name}",
                    hint="give one valid call of each tool that needs arguments",
                )
            arguments = given.arguments if given else {}
            outputs = given.outputs if given else {}
            method = methods[schema.name]
            yield Operation(schema.name, schema.effect, method, arguments, outputs)
        if calls:
            raise InvalidRequest(f"There is no tool {next(iter(calls))}.", field="calls")
        if isinstance(driver, MotionBus):
            yield Operation("read", Effect.OBSERVE, driver.read, {}, {})
            yield Operation(
                "set_torque", Effect.CONFIGURE, driver.set_torque, {"enabled": True}, {}
            )
            if self.subject.setpoints is not None:
                way = {"setpoints": self.subject.setpoints}
                yield Operation("write", Effect.MOVE, driver.write, way, {})
        if isinstance(driver, InputBus):
            yield Operation("read_inputs", Effect.OBSERVE, driver.read_inputs, {}, {})


@contextmanager
def bench_of(subject: Conformance, *, connected: bool = True) -> Iterator[Bench]:
    """Set a driver up for a check, and clear it away."""
    bench = Bench(subject)
    try:
        if connected:
            bench.connect()
        yield bench
    finally:
        bench.close()


def spoken(error: BaseException) -> str:
    """Return an error as a sentence names it."""
    return f"{type(error).__name__}: {error}"
