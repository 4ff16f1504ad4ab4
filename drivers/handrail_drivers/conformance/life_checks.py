"""Checks of what a driver does to its device, and of what it leaves."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Mapping
from typing import Any

import pydantic_core

from handrail_drivers.api import Effect
from handrail_drivers.conformance.bench import (
    Bench,
    Failed,
    NotApplicable,
    Operation,
    bench_of,
    spoken,
)
from handrail_drivers.conformance.line import Fault
from handrail_drivers.conformance.schema_checks import REST
from handrail_drivers.conformance.subject import Conformance
from handrail_drivers.emulator import StandIn
from handrail_drivers.errors import HandrailError

LOOK = 0.05  # s of motion between two looks
NEAR = 1e-6
MOST_HASTY = 20  # reads in vain without waiting, of one call
REFERENCE = 100_000  # turns of a loop, some milliseconds of CPU
LOOPS = 3  # such loops that a call may cost
FAREWELL = 2.0  # s that a thread has to end


def connect_moves_nothing(subject: Conformance) -> None:
    """Connecting changes no output."""
    with bench_of(subject, connected=False) as bench:
        emulator, before = _emulator(bench), bench.outputs()
        bench.connect()
        emulator.advance(LOOK)
        if bench.outputs() != before:
            raise Failed(f"connecting took the device from {before} to {bench.outputs()}")


def does_what_it_says(subject: Conformance) -> None:
    """A call that returns has done what was asked, and its result is JSON with finite numbers."""
    with bench_of(subject) as bench:
        for operation in bench.operations.values():
            done = bench.do(operation)
            if done.error is not None:
                raise Failed(f"{operation.name} fails on the emulator: {spoken(done.error)}")
            _require_finite(operation.name, pydantic_core.to_jsonable_python(done.result))
            if bench.emulator is not None:
                bench.emulator.advance(REST)
            _require_outputs(bench, operation.outputs, f"{operation.name} has returned")


def honest_result(subject: Conformance) -> None:
    """A device that does nothing is not said to have done it."""
    told = 0
    for name in _acting(subject):
        if not _has_effect(subject, name):
            continue
        told += 1
        with bench_of(subject) as bench:
            operation, before = bench.operations[name], bench.outputs()
            _emulator(bench).stuck = True
            done = bench.do(operation)
            if bench.outputs() != before:
                raise Failed(f"the emulator does what {name} asks, though it is stuck")
            if done.error is None and not _is_unconfirmed(done.result):
                raise Failed(f"{name} returns {done.result!r}, and the device has done nothing")
            if done.error is not None and not isinstance(done.error, HandrailError):
                raise Failed(f"{name} raises {spoken(done.error)}, which is no HandrailError")
    if not told:
        raise NotApplicable("no tool changes what the emulator does")


def stops_in_time(subject: Conformance) -> None:
    """A stop ends motion within its time."""
    told = 0
    for name in _acting(subject):
        if not _moves_long(subject, name):
            continue
        told += 1
        with bench_of(subject) as bench:
            emulator = _begin(bench, name)
            done = bench.run("stop", bench.driver.stop)
            if done.error is not None:
                raise Failed(f"stop raises {spoken(done.error)}")
            if bench.line is not None and bench.line.waited > subject.stop_time:
                raise Failed(f"stop itself waits {bench.line.waited:.2f} s")
            emulator.advance(subject.stop_time)
            before = bench.outputs()
            emulator.advance(LOOK)
            if bench.outputs() != before:
                raise Failed(
                    f"{subject.stop_time:g} s after a stop, what {name} began goes on: "
                    f"from {before} to {bench.outputs()}"
                )
    if not told:
        raise NotApplicable("nothing moves for longer than a stop may take")


def safe_on_close(subject: Conformance) -> None:
    """Closing leaves the declared outputs."""
    names = _acting(subject)
    with bench_of(subject) as bench:
        emulator = _emulator(bench)
        for name in names:
            bench.do(bench.operations[name])
        emulator.advance(REST if subject.safe is None else LOOK)
        before = bench.outputs()
        for _ in range(2):  # safe to call twice
            done = bench.run("close", bench.driver.close)
            if done.error is not None:
                raise Failed(f"close raises {spoken(done.error)}")
        emulator.advance(subject.stop_time)
        _require_outputs(bench, before if subject.safe is None else subject.safe, "it was closed")


def never_blocks(subject: Conformance) -> None:
    """No call holds up the event loop, or spins."""
    reference = min(_reference() for _ in range(3))
    with bench_of(subject) as bench:
        for operation in bench.operations.values():
            done = bench.do(operation)
            cpu = min(done.cpu, *(bench.do(operation).cpu for _ in range(2)))
            if cpu > LOOPS * reference:
                raise Failed(
                    f"{operation.name} takes {cpu / reference:.1f} times the CPU of a loop of "
                    f"{REFERENCE} turns: whoever calls waits for it"
                )
            _require_patient(bench, operation)


def nothing_left_behind(subject: Conformance) -> None:
    """A closed driver leaves no thread and no descriptor."""
    before, threads = _descriptors(), set(threading.enumerate())
    with bench_of(subject) as bench:
        for operation in bench.operations.values():
            bench.do(operation)
        bench.run("close", bench.driver.close)
        left = [one for one in threading.enumerate() if one not in threads]
        for thread in left:
            thread.join(FAREWELL)
        if alive := [one.name for one in left if one.is_alive()]:
            raise Failed(f"closed, it leaves the thread {', '.join(alive)}")
        if opened := _descriptors() - before:
            raise Failed(f"closed, it leaves {', '.join(sorted(opened))} open")


def _require_patient(bench: Bench, operation: Operation) -> None:
    """Refuse a call that reads again and again without waiting, or waits in the event loop."""
    if bench.line is None:
        return
    bench.line.fault = Fault.SILENT
    done = bench.do(operation)
    bench.line.fault = Fault.NONE
    if bench.line.hasty > MOST_HASTY:
        raise Failed(f"{operation.name} spins: {bench.line.hasty} reads in vain that do not wait")
    if operation.is_async and done.thread in bench.line.waiters:
        raise Failed(f"{operation.name} waits for the device in the event loop itself")
    for _ in range(2):  # what follows finds the line in order
        bench.do(operation)


def _begin(bench: Bench, name: str) -> StandIn:
    """Have something move."""
    bench.prepare(name)
    bench.do(bench.operations[name])
    emulator = _emulator(bench)
    emulator.advance(LOOK)
    return emulator


def _moves_long(subject: Conformance, name: str) -> bool:
    with bench_of(subject) as bench:
        emulator = _begin(bench, name)
        emulator.advance(subject.stop_time)
        before = bench.outputs()
        emulator.advance(LOOK)
        return bench.outputs() != before


def _acting(subject: Conformance) -> list[str]:
    with bench_of(subject) as bench:
        if bench.emulator is None:
            raise NotApplicable("it has no emulator")
        names = [n for n, one in bench.operations.items() if one.effect is not Effect.OBSERVE]
    if not names:
        raise NotApplicable("it only observes")
    return names


def _has_effect(subject: Conformance, name: str) -> bool:
    """Tell whether an operation that reports a result changes what the device does."""
    if name == "write" and subject.setpoints is not None:
        return False  # a setpoint is told, not reported: the loop measures what comes of it
    with bench_of(subject) as bench:
        before = bench.outputs()
        bench.do(bench.operations[name])
        _emulator(bench).advance(REST)
        return bench.outputs() != before


def _emulator(bench: Bench) -> StandIn:
    if bench.emulator is None:
        raise NotApplicable("it has no emulator")
    return bench.emulator


def _is_unconfirmed(result: Any) -> bool:
    value = pydantic_core.to_jsonable_python(result)
    return isinstance(value, dict) and value.get("confirmed") is False


def _require_outputs(bench: Bench, wanted: Mapping[str, float], when: str) -> None:
    found = bench.outputs()
    for name, value in wanted.items():
        if name not in found or not math.isclose(found[name], value, rel_tol=1e-3, abs_tol=NEAR):
            raise Failed(f"{when}, and {name} is {found.get(name)} instead of {value}")


def _require_finite(name: str, value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise Failed(f"{name} returns {value}")
    for part in (
        value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    ):
        _require_finite(name, part)


def _reference() -> float:
    """Return the CPU time [s] of a loop, to compare with."""
    began, total = time.thread_time(), 0
    for turn in range(REFERENCE):
        total += turn
    return time.thread_time() - began


def _descriptors() -> set[str]:
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{number} ({os.readlink(f'/proc/self/fd/{number}')})")
        except OSError:
            continue  # the one that this list was read with
    return found
