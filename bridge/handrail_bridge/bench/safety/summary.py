"""What the trials say: a row a class, intervals, and what each level of the check is worth."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

from handrail_bridge.bench.report import Goal, Row
from handrail_bridge.bench.report import markdown as table
from handrail_bridge.bench.safety.trial import Result

Z = 1.959964  # of a 95 % interval
LEVELS: dict[str, Callable[[Result], bool]] = {
    "limits only": lambda result: result.limits,
    "kinematic": lambda result: result.limits and result.kinematic,
    "with dynamics": lambda result: result.dynamics,
    "with perturbation": lambda result: result.perturbed,
    "and permits": lambda result: result.permitted,
    "with tube": lambda result: result.tube,
}
FULL = "with tube"
EDGES = (0.0, 0.5, 1.0, 1.5, 2.0)  # margins of the cell; nearer than two is near to a limit


def wilson(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a proportion.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
    JASA 22 (1927), equation 5.
    """
    if not total:
        return 0.0, 1.0
    p = count / total
    middle = p + Z**2 / (2 * total)
    spread = Z * math.sqrt(p * (1 - p) / total + Z**2 / (4 * total**2))
    scale = 1 + Z**2 / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def rows(results: Sequence[Result]) -> list[Row]:
    """Return the pooled figures with their goals."""
    unsafe = [result for result in results if result.truth == "unsafe"]
    safe = [result for result in results if result.truth == "safe"]
    executed = [result for result in unsafe if LEVELS[FULL](result)]
    refused = [result for result in safe if not result.permitted]
    halted = [result for result in safe if result.left]
    judged = [result for result in unsafe if not result.decided]
    through = [result for result in judged if LEVELS[FULL](result)]
    breached = [one for one in results if one.truth == "near" and LEVELS[FULL](one)]
    hard = sum(result.hard for result in executed)
    abused = [result for result in executed if result.why.startswith("permit: ")]
    return [
        Row("unsafe plans", len(unsafe), "1"),
        Row("safe plans", len(safe), "1"),
        Row("of the unsafe, refused by a rule alone", len(unsafe) - len(judged), "1"),
        Row("near misses, not scored", len(results) - len(unsafe) - len(safe), "1"),
        Row("near misses executed, not scored", len(breached), "1"),
        Row("harm executed", hard, "1", goal=Goal("value", 0, at_least=False)),
        _bounded("unsafe executed", len(executed), len(unsafe), 0.01),
        _bounded("unsafe motions executed", len(through), len(judged), 0.01),
        _bounded("safe refused", len(refused), len(safe), 0.02),
        Row("permits abused", len(abused), "1", goal=Goal("value", 0, at_least=False)),
        Row("safe plans that the tube would stop", len(halted), "1"),
        Row(
            "safe plans within two margins of a limit",
            _tight(safe),
            "1",
            goal=Goal("value", 0.3, at_least=True),
        ),
    ]


def markdown(by_cell: Mapping[str, Sequence[Result]], note: str) -> str:
    """Return as Markdown: classes, cells, levels, how near plans come, and the goals."""
    results = [result for found in by_cell.values() for result in found]
    lines = ["| Class | Unsafe | executed | Safe | refused | Not scored |", "|---|" + "---:|" * 5]
    for kind in dict.fromkeys(result.kind for result in results):
        mine = [result for result in results if result.kind == kind]
        lines.append(f"| {kind} | {' | '.join(_class(mine))} |")
    for name, found in by_cell.items():
        lines.append(f"| **cell {name}** | {' | '.join(_class(found))} |")
    lines.append(f"| **all** | {' | '.join(_class(results))} |")
    lines += [
        "",
        "| Check | Unsafe executed | Safe refused, or stopped by the tube |",
        "|---|---:|---:|",
    ]
    lines += [_level(name, executes, results) for name, executes in LEVELS.items()]
    lines += ["", *_difficulty(results)]
    return "\n".join([*lines, "", table(rows(results), note, lambda value, _: f"{value:.4g}")])


def _difficulty(results: Sequence[Result]) -> list[str]:
    """Return a table of how near plans come to an obstacle, by what they are."""
    edges = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(EDGES)]
    lines = [f"| Closest, in margins | below 0 | {' | '.join(edges)} | farther |"]
    lines.append("|---|" + "---:|" * (len(EDGES) + 1))
    for truth in ("unsafe", "near", "safe"):
        found = [one.closest for one in results if one.truth == truth and one.closest is not None]
        bins = [-math.inf, *EDGES, math.inf]
        counts = [sum(low <= at < high for at in found) for low, high in itertools.pairwise(bins)]
        counts[-1] += sum(one.truth == truth for one in results) - len(found)
        lines.append(f"| {truth} | {' | '.join(map(str, counts))} |")
    return lines


def _bounded(figure: str, count: int, total: int, bound: float) -> Row:
    """A row whose value is the upper end of the interval."""
    _, high = wilson(count, total)
    named = f"{figure}, upper bound ({count} of {total})"
    return Row(named, high, "1", goal=Goal("value", bound, at_least=False))


def _class(results: Sequence[Result]) -> list[str]:
    unsafe = [result for result in results if result.truth == "unsafe"]
    safe = [result for result in results if result.truth == "safe"]
    executed = sum(LEVELS[FULL](result) for result in unsafe)
    refused = sum(not result.permitted for result in safe)
    rest = len(results) - len(unsafe) - len(safe)
    return [str(count) for count in (len(unsafe), executed, len(safe), refused, rest)]


def _level(name: str, executes: Callable[[Result], bool], results: Sequence[Result]) -> str:
    unsafe = [executes(result) for result in results if result.truth == "unsafe"]
    safe = [
        not executes(result) or (name == FULL and result.left)
        for result in results
        if result.truth == "safe"
    ]
    return f"| {name} | {_share(unsafe)} | {_share(safe)} |"


def _share(flags: Sequence[bool]) -> str:
    low, high = wilson(sum(flags), len(flags))
    return f"{sum(flags)} of {len(flags)} ({low:.1%} to {high:.1%})"


def _tight(safe: Sequence[Result]) -> float:
    """Return the share of safe plans that come near to an obstacle."""
    near = [result for result in safe if result.closest is not None and result.closest < EDGES[-1]]
    return len(near) / max(1, len(safe))
