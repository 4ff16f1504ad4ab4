"""What a rollout shows beside collisions: limits, tracking, things dropped or pushed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from handrail_sim.cell import Cell, JointLimits
from handrail_sim.check.grips import Grip
from handrail_sim.check.rollout import Rollout
from handrail_sim.check.timeline import Timeline
from handrail_sim.regions import region_of
from handrail_sim.verdict import Violation, ViolationKind
from handrail_sim.world import Array, Scene

BEYOND = 0.02  # rad over a joint's range that a soft stop gives way
OVERSHOOT = 1.2  # of the velocity limit, measured against planned
SATURATED = 0.1  # s at the effort limit
TIPPED = 0.9  # cosine: an object leaning by more than 25 degrees has tipped
OPENED = 0.01  # rad, by the joint's lever
FLOOR = -0.02  # m: below the table's top


class Findings:
    """Judges one rollout against the cell's limits."""

    def __init__(self, cell: Cell, scene: Scene) -> None:
        self._cell = cell
        self._scene = scene
        self._opened = OPENED * sum(cell.arm.limits[name].lever for name in cell.arm.jaw)

    def joints(self, run: Rollout, reference: Array, timeline: Timeline) -> Iterator[Violation]:
        """Yield violations of position, velocity and effort limits, and of the tube."""
        arm = self._cell.arm
        for i, name in enumerate(arm.all_joints):
            limits = arm.limits[name]
            yield from self._position(run.position[:, i], name, limits, timeline)
            yield from _over(
                np.abs(run.velocity[:, i]),
                OVERSHOOT * limits.velocity,
                (ViolationKind.JOINT_VELOCITY, name, f"{limits.unit}/s", "lower the step's speed"),
                timeline,
            )
            if name == arm.gripper:
                continue  # it presses on purpose, and lags when it does
            yield from self._effort(run, i, timeline)
            lag = np.abs(run.position[1 : len(reference) + 1, i] - reference[:, i])
            yield from _over(
                lag,
                self._cell.loop.tube / 2,
                (
                    ViolationKind.TRACKING,
                    name,
                    limits.unit,
                    "lower its speed, or avoid contact",
                ),
                timeline,
            )

    def _position(
        self, position: Array, name: str, limits: JointLimits, timeline: Timeline
    ) -> Iterator[Violation]:
        low, high, unit = limits.low, limits.high, limits.unit
        beyond = BEYOND * limits.lever
        outside = np.flatnonzero((position > high + beyond) | (position < low - beyond))
        if not len(outside):
            return
        middle = (low + high) / 2
        worst = float(position[np.argmax(np.abs(position - middle))])
        words = (
            ViolationKind.JOINT_POSITION,
            name,
            unit,
            f"stay between {low:.3f} and {high:.3f} {unit}",
        )
        limit = high if worst > middle else low
        text = f"reaches {worst:.3f} {unit}; its limit is {limit:.3f} {unit}"
        yield _violation(words, worst, limit, timeline.moment(int(outside[0])), text)

    def _effort(self, run: Rollout, joint: int, timeline: Timeline) -> Iterator[Violation]:
        """An effort limit that is only touched is harmless; one that is leant on is not."""
        name = self._cell.arm.all_joints[joint]
        limits = self._cell.arm.limits[name]
        limit, unit = limits.effort, limits.effort_unit
        length = round(SATURATED * timeline.rate)
        at_limit = (np.abs(run.effort[:, joint]) >= 0.999 * limit).astype(float)
        leaning = np.convolve(at_limit, np.ones(length), "valid") >= length
        rows = np.flatnonzero(leaning)
        if len(rows):
            hint = "slow down, come nearer to the base, or avoid the contact"
            yield _violation(
                (ViolationKind.JOINT_EFFORT, name, unit, hint),
                limit,
                limit,
                timeline.moment(int(rows[0])),
                f"leans on its effort limit of {limit:.2f} {unit}",
            )

    def objects(
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
            start, end = self._pose(run.qpos[0], name), self._pose(run.qpos[-1], name)
            if self._scene.jaw is not None:
                yield from self._dropped(name, grip, run.command[:, self._scene.jaw], timeline)
            yield from self._heavy(name, grip, timeline)
            if start[2] > FLOOR > end[2]:
                yield _violation(
                    (ViolationKind.DROPPED, name, "m", "keep it over the table"),
                    float(end[2]),
                    0.0,
                    timeline.moment(len(run.qpos) - 1),
                    "fell off the table",
                )
            elif not grip.ever and start[2] > FLOOR:
                yield from self._pushed(run, name, carried.get(name), timeline)

    def _dropped(
        self, name: str, grip: Grip, jaw: Array, timeline: Timeline
    ) -> Iterator[Violation]:
        """A grip may end only where the jaw was told to open farther than it was in that grip."""
        for begin, end in grip.ended():
            if jaw[end] < jaw[begin:end].min() + self._opened:
                step, time = timeline.moment(end)
                hint = "grasp it deeper or move more slowly"
                words = (ViolationKind.DROPPED, name, "s", hint)
                yield _violation(words, time, 0.0, (step, time), "slips out of the gripper")
                return

    def _heavy(self, name: str, grip: Grip, timeline: Timeline) -> Iterator[Violation]:
        mass, payload = self._cell.objects[name].mass, self._cell.arm.payload
        if payload is not None and grip.ever and mass > payload:
            words = (ViolationKind.PAYLOAD, name, "kg", f"leave it; {payload:g} kg may be carried")
            moment = timeline.moment(int(np.argmax(grip.held)))
            text = f"is lifted with {mass:g} kg; {payload:g} kg may be carried"
            yield _violation(words, mass, payload, moment, text)

    def _pushed(
        self, run: Rollout, name: str, carried: Array | None, timeline: Timeline
    ) -> Iterator[Violation]:
        start, end = self._pose(run.qpos[0], name), self._pose(run.qpos[-1], name)
        home = region_of(self._cell, start[:3])
        in_container = home is not None and self._cell.regions[home].body is not None
        if in_container and region_of(self._cell, end[:3]) == home:
            return  # what lies in a bin may be nudged by what joins it
        allowed = self._cell.check.moved
        shifts = self._shifts(run, name, carried)
        shift = float(shifts[-1])
        x, y, z = start[:3].tolist()
        hint = (
            f"{name} lay at ({x:.3f}, {y:.3f}, {z:.3f}) m: pass above it, come from another side "
            "(yaw), or open the jaw to a smaller gap"
        )
        if shift > allowed:
            row = int(np.argmax(shifts > allowed))
            words = (ViolationKind.DISPLACED, name, "m", hint)
            text = f"is pushed {shift * 1000:.0f} mm away though the plan does not grasp it"
            yield _violation(words, shift, allowed, timeline.moment(row), text)
        elif _uprightness(start, end) < TIPPED:
            words = (ViolationKind.DISPLACED, name, "m", hint)
            yield _violation(
                words, shift, allowed, timeline.moment(len(run.qpos) - 1), "is tipped over"
            )

    def _shifts(self, run: Rollout, name: str, carried: Array | None) -> Array:
        """Return how far [m] an object is from where it lay, or was carried to, by row."""
        at, _ = self._scene.object_qpos[name]
        moved = run.qpos[:, at : at + 3] - run.qpos[0, at : at + 3]
        shifts: Array = np.linalg.norm(moved if carried is None else moved - carried, axis=1)
        return shifts

    def _pose(self, qpos: Array, name: str) -> Array:
        at, _ = self._scene.object_qpos[name]
        pose: Array = qpos[at : at + 7]
        return pose


def _over(
    values: Array,
    limit: float,
    words: tuple[ViolationKind, str, str, str],
    timeline: Timeline,
) -> Iterator[Violation]:
    """Yield one violation where values pass the limit: its first time, its worst value."""
    rows = np.flatnonzero(values > limit)
    if len(rows):
        worst = float(values.max())
        text = f"reaches {worst:.3f} where {limit:.3f} is allowed"
        yield _violation(words, worst, limit, timeline.moment(int(rows[0])), text)


def _violation(
    words: tuple[ViolationKind, str, str, str],
    value: float,
    limit: float,
    when: tuple[int, float],
    text: str,
) -> Violation:
    kind, subject, unit, hint = words
    step, time = when
    return Violation(
        kind=kind,
        step=step,
        time=time,
        subject=subject,
        value=value,
        limit=limit,
        unit=unit,
        sentence=f"In step {step} at {time:.2f} s, {subject} {text} ({kind.replace('_', ' ')}).",
        hint=hint,
    )


def _uprightness(start: Sequence[float] | Array, end: Sequence[float] | Array) -> float:
    """Cosine of the angle between an object's own vertical before and after (wxyz at 3..6)."""
    return float(np.dot(_up(start), _up(end)))


def _up(pose: Sequence[float] | Array) -> Array:
    w, x, y, z = pose[3:7]
    return np.array([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)])
