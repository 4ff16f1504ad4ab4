"""Checks of what a driver does where its line misbehaves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pydantic_core

from handrail_drivers.api import Effect
from handrail_drivers.conformance.bench import (
    Bench,
    Done,
    Failed,
    NotApplicable,
    Operation,
    bench_of,
    spoken,
)
from handrail_drivers.conformance.line import BenchLine, Fault
from handrail_drivers.conformance.subject import Conformance
from handrail_drivers.errors import DeviceFault

TRIES = 3  # until a line that is good again is understood
PAUSE = 0.1  # s between two tries to find a device again
RETURNS = 20  # tries, two seconds
CHANGING = ("time_ns", "age")  # of a result, from call to call


def timeouts_honoured(subject: Conformance) -> None:
    """A silent device is an error within the driver's own time."""
    for name in _asking(subject):
        with bench_of(subject) as bench:
            line = _line(bench)
            bench.prepare(name)
            line.fault = Fault.SILENT
            _require_fault(bench.do(bench.operations[name]), name, "the device is silent")
            _require_patience(subject, line, name)
            if callable(getattr(bench.driver, "stop", None)):
                bench.run("stop, while the device is silent,", bench.driver.stop)
                _require_patience(subject, line, "stop")


def cancellation(subject: Conformance) -> None:
    """A call that waits ends when the driver is closed."""
    for name in _asking(subject):
        with bench_of(subject) as bench:
            line = _line(bench)
            bench.prepare(name)
            line.fault = Fault.HELD
            running = bench.begin(bench.operations[name])
            line.waiting.wait(subject.patience)
            bench.run("close, while a call waits,", bench.driver.close)
            running.end(f"{name}, once the driver is closed,")


def disconnect_in_mid_message(subject: Conformance) -> None:
    """A port that goes within an answer is an error, not a result."""
    for name in _asking(subject):
        with bench_of(subject) as bench:
            bench.prepare(name)
            _line(bench).fault = Fault.CUT
            done = bench.do(bench.operations[name])
            _require_fault(done, name, "the port goes in the middle of the answer")


def reconnect_disarmed(subject: Conformance) -> None:
    """A device that comes back does not go on with what it did."""
    _asking(subject)
    with bench_of(subject) as bench:
        line, emulator = _line(bench), bench.emulator
        assert emulator is not None  # noqa: S101  it has a line
        for operation in _sorted(bench):
            bench.do(operation)
        line.unplug()
        for operation in _sorted(bench, Effect.OBSERVE):
            bench.do(operation)  # it notices
        emulator.power_cycle()
        before = bench.outputs()
        line.plug()
        _reconnect(bench)
        emulator.advance(0.1)
        if bench.outputs() != before:
            raise Failed(
                f"it was lost and found again, and then it went from {before} to {bench.outputs()}"
            )


def garbage_refused(subject: Conformance) -> None:
    """An answer that is none is an error, and the next one is understood."""
    for fault in (Fault.NOISE, Fault.NOISY_MIDDLE):
        _spoil(subject, fault, f"the answer is {fault}")


def truncated_refused(subject: Conformance) -> None:
    """Half an answer is an error, and the next one is understood."""
    _spoil(subject, Fault.TRUNCATED, "the answer is cut short")


def late_reply_dropped(subject: Conformance) -> None:
    """An old answer does not pass for the present one."""
    told = 0
    for name in _asking(subject, Effect.OBSERVE):
        if _tells_change(subject, name):
            told += 1
            _late(subject, name, BenchLine.let_go)
            _late(subject, name, BenchLine.let_go_soon)
    if not told:
        raise NotApplicable("the emulator's change() changes nothing that is read")


def _late(subject: Conformance, name: str, come: Callable[[BenchLine], None]) -> None:
    with bench_of(subject) as bench:
        line, operation = _line(bench), bench.operations[name]
        old = _meaning(bench.do(operation))
        line.fault = Fault.LATE
        bench.do(operation)
        bench.emulator.change()  # type: ignore[union-attr]  # it has a line
        line.fault = Fault.NONE
        come(line)
        for _ in range(1 + TRIES):
            done = bench.do(operation)
            if done.error is None:
                if _meaning(done) == old:
                    raise Failed(f"{name} takes an answer that came too late for the present one")
                return
        raise Failed(f"{name} has not recovered from a late answer: {spoken(_error(done))}")


def _tells_change(subject: Conformance, name: str) -> bool:
    with bench_of(subject) as bench:
        first = _meaning(bench.do(bench.operations[name]))
        bench.emulator.change()  # type: ignore[union-attr]  # it has a line
        return bool(_meaning(bench.do(bench.operations[name])) != first)


def _spoil(subject: Conformance, fault: Fault, when: str) -> None:
    for name in _asking(subject):
        with bench_of(subject) as bench:
            line, operation = _line(bench), bench.operations[name]
            bench.prepare(name)
            line.fault = fault
            _require_fault(bench.do(operation), name, when)
            line.fault = Fault.NONE
            for _ in range(TRIES):
                done = bench.do(operation)
                if done.error is None:
                    break
            else:
                raise Failed(f"{name} has not recovered, after {when}: {spoken(_error(done))}")


def _reconnect(bench: Bench) -> None:
    """Connect again and read; a driver may leave a lost port alone for a moment."""
    operations = _sorted(bench, Effect.OBSERVE)
    for _ in range(RETURNS):
        done = bench.run("connect", lambda: bench.subject.open(bench.driver))
        if done.error is None:
            done = next((d for one in operations if (d := bench.do(one)).error), done)
        if done.error is None:
            return
        threading.Event().wait(PAUSE)
    raise Failed(f"it does not come back with its port: {spoken(_error(done))}")


def _asking(subject: Conformance, *effects: Effect) -> list[str]:
    """Return the operations that get answers from the device."""
    with bench_of(subject) as bench:
        if bench.line is None:
            raise NotApplicable("it has no wire of ours")
        names = [one.name for one in _sorted(bench, *effects) if bench.asks(one)]
    if not names:
        raise NotApplicable("it is never answered")
    return names


def _sorted(bench: Bench, *effects: Effect) -> list[Operation]:
    """Return operations, those that observe first."""
    order = list(Effect)
    wanted = [one for one in bench.operations.values() if one.effect in (effects or order)]
    return sorted(wanted, key=lambda one: (one.effect is not Effect.OBSERVE, one.effect))


def _line(bench: Bench) -> BenchLine:
    assert bench.line is not None  # noqa: S101  _asking has looked
    return bench.line


def _require_fault(done: Done, name: str, when: str) -> None:
    if done.error is None:
        raise Failed(f"{name} returns {done.result!r}, though {when}")
    if not isinstance(done.error, DeviceFault):
        raise Failed(f"{name} raises {spoken(done.error)} where {when}, which is no DeviceFault")


def _require_patience(subject: Conformance, line: BenchLine, name: str) -> None:
    if line.overdrawn:
        raise Failed(f"{name} waits longer than {subject.patience:g} s for a silent device")


def _meaning(done: Done) -> Any:
    """Return what a result says, without when it was so."""
    if done.error is not None:
        raise Failed(f"a call fails on the emulator: {spoken(done.error)}")
    value = pydantic_core.to_jsonable_python(done.result)
    if isinstance(value, dict):
        return {key: part for key, part in value.items() if key not in CHANGING}
    return value


def _error(done: Done) -> BaseException:
    return done.error or AssertionError("no error")
