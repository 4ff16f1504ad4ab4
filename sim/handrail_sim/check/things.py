"""What becomes of things in a rollout: dropped, pushed, tipped, too heavy, fallen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from handrail_sim.cell import Cell
from handrail_sim.check.findings import violation
from handrail_sim.check.grips import Grip, runs
from handrail_sim.check.rollout import Rollout
from handrail_sim.check.timeline import Timeline
from handrail_sim.regions import inside
from handrail_sim.verdict import Violation, ViolationKind
from handrail_sim.world import NOWHERE, Array, Scene

TIPPED = 0.9  # cosine: an object leaning by more than 25 degrees has tipped
OPENED = 0.01  # rad, by the joint's lever
LAG = 0.2  # s, at most, by which a thing leaves the fingers after the step that opened them
FLOOR = -0.02  # m: below the table's top
STILL = 0.005  # m/s: slower is lying, once it has been so for
REST = 0.1  # s


class Things:
    """Judges what a rollout does to the objects of one cell."""

    def __init__(self, cell: Cell, scene: Scene) -> None:
        self._cell = cell
        self._scene = scene
        self._opened = OPENED * sum(cell.arm.limits[name].lever for name in cell.arm.jaw)

    def judge(
        self,
        run: Rollout,
        grips: Mapping[str, Grip],
        carried: Mapping[str, Array],
        timeline: Timeline,
    ) -> Iterator[Violation]:
        """Yield what was dropped, pushed or tipped without the plan saying so.

        ``carried`` (rows, 3) [m] by object is how far a conveyor has taken it.
        """
        for name, grip in grips.items():
            poses = self._poses(run, name)
            if self._scene.jaw is not None:
                yield from self._dropped(name, grip, run.command[:, self._scene.jaw], timeline)
            yield from self._heavy(name, grip, timeline)
            if poses[0, :2].min() > NOWHERE - 1.0:
                continue  # put away, since nobody knows where it is
            if poses[0, 2] > FLOOR > poses[-1, 2]:
                yield violation(
                    (ViolationKind.DROPPED, name, "m", "keep it over the table"),
                    float(poses[-1, 2]),
                    0.0,
                    timeline.moment(len(poses) - 1),
                    "fell off the table",
                )
            else:
                yield from self._let_fall(name, grip, poses, timeline)
                yield from self._moved(name, grip, poses, carried.get(name), timeline)

    def _dropped(
        self, name: str, grip: Grip, jaw: Array, timeline: Timeline
    ) -> Iterator[Violation]:
        """A grip may end only in a step that opens the jaw: one loosened before lets it slip."""
        for begin, end in grip.ended():
            step, _ = timeline.moment(max(end - timeline.row(LAG), 0))
            since = max(begin, timeline.step_rows[step])
            if jaw[end] < jaw[since:end].min() + self._opened:
                step, time = timeline.moment(end)
                hint = "grasp it deeper or move more slowly"
                words = (ViolationKind.DROPPED, name, "s", hint)
                yield violation(words, time, 0.0, (step, time), "slips out of the gripper")
                return

    def _let_fall(
        self, name: str, grip: Grip, poses: Array, timeline: Timeline
    ) -> Iterator[Violation]:
        """What is let go may fall a little, as into a bin."""
        allowed = self._cell.check.fall
        for _, end in grip.ended():
            depth = float(poses[end, 2] - poses[end:, 2].min())
            if depth > allowed:
                hint = f"let go of it lower, by {(depth - allowed) * 1000:.0f} mm at least"
                words = (ViolationKind.DROPPED, name, "m", hint)
                text = (
                    f"falls by {depth * 1000:.0f} mm where it is let go; "
                    f"{allowed * 1000:.0f} mm are allowed"
                )
                yield violation(words, depth, allowed, timeline.moment(end), text)
                return

    def _heavy(self, name: str, grip: Grip, timeline: Timeline) -> Iterator[Violation]:
        mass, payload = self._cell.objects[name].mass, self._cell.arm.payload
        if payload is not None and grip.ever and mass > payload:
            words = (ViolationKind.PAYLOAD, name, "kg", f"leave it; {payload:g} kg may be carried")
            moment = timeline.moment(int(np.argmax(grip.held)))
            text = f"is lifted with {mass:g} kg; {payload:g} kg may be carried"
            yield violation(words, mass, payload, moment, text)

    def _moved(
        self, name: str, grip: Grip, poses: Array, carried: Array | None, timeline: Timeline
    ) -> Iterator[Violation]:
        """Yield the first time that it was moved where it should have lain, or that it fell."""
        for let_go, lies, end in _free(grip, poses, timeline):
            if lies is not None:
                taken = None if carried is None else carried[lies:end] - carried[lies]
                found = self._pushed(name, poses[lies:end], taken)
                if found is not None:
                    row, words, value, allowed, text = found
                    yield violation(words, value, allowed, timeline.moment(lies + row), text)
                    return
            for since in (let_go, lies):
                if since is not None and self._tipped(poses[since:end], since == let_go):
                    yield _fallen_over(name, poses[since:end], since, timeline)
                    return

    def _pushed(
        self, name: str, poses: Array, carried: Array | None
    ) -> tuple[int, tuple[ViolationKind, str, str, str], float, float, str] | None:
        """Return when and how a thing that lay in ``poses[0]`` was moved, or None."""
        moved = poses[:, :3] - poses[0, :3]
        shifts = np.linalg.norm(moved if carried is None else moved - carried, axis=1)
        farthest = int(np.argmax(shifts))
        if self._stays_in_its_bin(poses[[0, farthest, -1]]):
            return None  # what lies in a bin may be nudged by what joins it
        allowed, shift = self._cell.check.moved, float(shifts[farthest])
        x, y, z = poses[0, :3].tolist()
        hint = (
            f"{name} lay at ({x:.3f}, {y:.3f}, {z:.3f}) m: pass above it, come from another side "
            "(yaw), or open the jaw to a smaller gap"
        )
        words = (ViolationKind.DISPLACED, name, "m", hint)
        if shift > allowed:
            text = f"is pushed {shift * 1000:.0f} mm away while nothing holds it"
            return int(np.argmax(shifts > allowed)), words, shift, allowed, text
        return None

    def _tipped(self, poses: Array, let_go: bool) -> bool:
        """Tell whether it ends otherwise than it stood in ``poses[0]``.

        What the gripper let go leaning may come to stand upright, and may lie in a bin as it likes.
        """
        first, last = _up(poses[[0, -1]])
        upright = let_go and last[2] >= TIPPED
        return not (first @ last >= TIPPED or upright or self._stays_in_its_bin(poses[[-1]]))

    def _stays_in_its_bin(self, poses: Array) -> bool:
        """Tell whether it is in one container all the time, or on what is in it."""
        bins = [region for region in self._cell.regions.values() if region.body is not None]
        return any(all(inside(one, (*pose[:2], one.center[2])) for pose in poses) for one in bins)

    def _poses(self, run: Rollout, name: str) -> Array:
        """Return an object's poses (rows, 7) [m, quaternion]."""
        at, _ = self._scene.object_qpos[name]
        poses: Array = run.qpos[:, at : at + 7]
        return poses


def _free(
    grip: Grip, poses: Array, timeline: Timeline
) -> Iterator[tuple[int | None, int | None, int]]:
    """Yield every stretch in which nothing holds a thing: what it does there, it should not do.

    Its last row in a grip, or None at the start; the first in which it lies still, or None where it
    does not; and the row to which (exclusive) it has to lie there: to the step that takes it, since
    a jaw that closes draws it between its fingers.
    """
    steps = [*timeline.step_rows[:-1], len(poses)]
    for begin, end in runs(~grip.held):
        lies = begin if begin == 0 else _at_rest(poses[begin:end], timeline.rate, begin)
        last = end if end == len(poses) else steps[timeline.moment(end)[0]] + 1
        lies = None if lies is None or lies >= last else lies
        if begin < last:
            yield begin - 1 if begin else None, lies, last


def _at_rest(poses: Array, rate: float, offset: int) -> int | None:
    """Return the first row, counted from ``offset``, of a stretch in which a thing lies still."""
    still = np.linalg.norm(np.diff(poses[:, :3], axis=0), axis=1) * rate < STILL
    for begin, end in runs(still):
        if end - begin >= round(REST * rate):
            return offset + begin
    return None


def _fallen_over(name: str, poses: Array, since: int, timeline: Timeline) -> Violation:
    """Return the violation of a thing that ends otherwise than it stood in row ``since``."""
    ups = _up(poses)
    cosines = np.clip(ups @ ups[0], -1.0, 1.0)
    row = since + int(np.argmax(cosines < TIPPED))
    hint = (
        "pass beside it; where it is let go, do it lower, and with all of its base over its place"
    )
    words = (ViolationKind.DISPLACED, name, "rad", hint)
    lean, allowed = math.acos(cosines[-1]), math.acos(TIPPED)
    return violation(words, lean, allowed, timeline.moment(row), "is tipped over")


def _up(poses: Array) -> Array:
    """Return an object's own vertical (..., 3) in poses (..., 7), quaternions wxyz at 3..6."""
    w, x, y, z = np.moveaxis(poses[..., 3:7], -1, 0)
    return np.stack([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)], axis=-1)
