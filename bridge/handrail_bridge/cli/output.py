"""How the command line prints: for people by rich, for programs as JSON with ``--json``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer
from handrail_drivers.errors import HandrailError, InvalidCell
from handrail_sim.verdict import Verdict
from rich import markup
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from handrail_bridge.loop.state import Mode
from handrail_bridge.plain import plain
from handrail_bridge.reports import CellState, Receipt

console = Console(highlight=False, soft_wrap=True)
problems = Console(stderr=True, highlight=False, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def escape(text: str) -> str:
    """Return somebody's words as they may stand on a terminal: no markup, nothing invisible."""
    return markup.escape(
        "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)
    )


def emit(value: Any, as_json: bool, show: Callable[[Any], None]) -> None:
    """Print a value: as one JSON document, or as ``show`` does for people."""
    if as_json:
        sys.stdout.write(json.dumps(plain(value)) + "\n")
        sys.stdout.flush()
    else:
        show(value)


def show_error(error: HandrailError, as_json: bool) -> None:
    """Print code, sentence and hint; never a traceback."""
    if as_json:
        sys.stdout.write(json.dumps({"error": plain(error.detail())}) + "\n")
        return
    head = error.message.partition("\n")[0]  # a cell's goes on with its faults
    problems.print(f"[bold red]{error.code}[/]: {escape(head)}")
    if isinstance(error, InvalidCell):
        for fault in error.faults:
            problems.print(f"  {escape(fault)}")
    if error.choices:
        problems.print(f"  valid: {escape(', '.join(error.choices))}")
    if error.hint:
        problems.print(f"  try: {escape(error.hint)}")


def show_verdict(verdict: Verdict) -> None:
    """Print a verdict: passed or not, every violation with its hint, the margins."""
    word = "[green]passed[/]" if verdict.passed else "[red]refused[/]"
    near = (
        f", clearance {verdict.clearance * 1000:.1f} mm ({verdict.clearance_pair})"
        if verdict.clearance is not None
        else ""
    )
    console.print(
        f"{word}: {verdict.duration:.2f} s of motion{near}, checked in {verdict.check_time:.2f} s"
    )
    if verdict.robustness is not None:
        found = verdict.robustness
        console.print(f"  passes in {found.passed} of {found.worlds} worlds a little other")
    if verdict.unseen:
        named = escape(", ".join(verdict.unseen))
        console.print(f"  [yellow]played without {named}[/]: nobody knows where it is. Look first.")
    for violation in verdict.violations:
        where = f"step {violation.step}, {violation.time:.2f} s" if violation.step >= 0 else "plan"
        console.print(f"  [red]{violation.kind}[/] ({where}): {escape(violation.sentence)}")
        if violation.hint:
            console.print(f"    try: {escape(violation.hint)}")
    for result in verdict.goal:
        console.print(f"  goal {'met' if result.met else 'NOT met'}: {escape(result.sentence)}")


def show_receipt(receipt: Receipt) -> None:
    """Print what was done."""
    if receipt.completed:
        turns, slides = receipt.peak_following_error, receipt.peak_slide_error
        errors = [f"{turns:.3f} rad"] if turns or not slides else []
        errors += [f"{slides * 1000:.1f} mm"] if slides else []
        console.print(
            f"[green]done[/] in {receipt.duration:.2f} s, following error at most "
            f"{' and '.join(errors)}, receipt {receipt.id}"
        )
    else:
        console.print(f"[red]ended early[/]: {escape(receipt.reason)} (receipt {receipt.id})")
    for result in receipt.goal:
        console.print(f"  goal {'met' if result.met else 'NOT met'}: {escape(result.sentence)}")
    for name, value in receipt.sensors.items():
        console.print(f"  {escape(name)} read {value:g}")


def show_state(state: CellState, missing: Iterable[str] = ()) -> None:
    """Print the measured state as a table, and which devices are missing, in sentences."""
    good = state.mode in (Mode.ARMED, Mode.MOVING)
    reason = f": {escape(state.reason)}" if state.reason else ""
    console.print(f"[{'green' if good else 'yellow'}]{state.mode.name.lower()}[/]{reason}")
    heads = "joint", "unit", "position", "speed", "effort", "setpoint", "Cel", "V", "torque"
    table = Table(*heads, box=SIMPLE, collapse_padding=True, pad_edge=False)
    for joint in state.joints:
        table.add_row(
            joint.name,
            joint.unit,
            f"{joint.position:+.4f}",
            f"{joint.velocity:+.3f}",
            f"{joint.effort:+.3f}",
            f"{joint.setpoint:+.4f}",
            f"{joint.temperature:.0f}",
            f"{joint.voltage:.1f}",
            "on" if joint.torque_enabled else "off",
        )
    console.print(table)
    for sentence in missing:
        console.print(f"[yellow]{escape(sentence)}[/]")
    measured = [joint for joint in state.joints if joint.noise is not None]
    for joint in sorted(measured, key=lambda one: one.noise or 0.0)[-1:]:
        noise = f"{joint.noise:.4f} {joint.unit} ({joint.name})"
        console.print(f"noise of the standing arm: at most {noise}")
    tcp = ", ".join(f"{value:+.4f}" for value in state.tcp_position)
    holder = escape(", ".join(lease.holder for lease in state.leases)) or "nobody"
    console.print(
        f"TCP {tcp} m; holding: {'yes' if state.holding else 'no'}; lease: {holder}; "
        f"age {state.age * 1000:.0f} ms"
    )
    if state.reflexes:
        fired = escape(", ".join(state.reflexes))
        console.print(f"[yellow]reflexes[/] {fired}: speed {state.speed_scale:.0%} until a reset")
    loop = state.loop
    console.print(
        f"loop {loop.rate:.0f} Hz: {loop.ticks} ticks, {loop.overruns} overruns, "
        f"{loop.late_reads} late reads, {loop.retries} retries, {loop.clamps} clamps"
    )
