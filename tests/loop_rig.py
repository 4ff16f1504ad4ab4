"""A loop in virtual time: the real tick, a bus of the test's choosing, and the bridge's end."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, NoReturn

import numpy as np
from handrail_bridge.loop.control import ABORT, HEARTBEAT, Control
from handrail_bridge.loop.loops import FOREVER_NS
from handrail_bridge.loop.pipe import MESSAGE, Pipe, decode_error
from handrail_bridge.loop.settings import LoopConfig
from handrail_bridge.loop.shared import Shared
from handrail_bridge.loop.state import LoopState
from handrail_bridge.loop.tick import Tick
from handrail_drivers.api import HoldState, JointHealth, JointState, MotionBus
from handrail_drivers.errors import HandrailError, ServoSilent
from handrail_sim.verdict import Trajectory

SECONDS = 1_000_000_000  # ns

TRAVEL = {0: 0.8, 3: -0.4}  # rad: two joints, so that leaving the path shows
ROWS = 200
RAMP = 38  # ticks: 0.15 s at 250 Hz


class VirtualClock:
    """A clock that stands still until somebody sleeps; ``world(dt_ns)`` lives meanwhile."""

    def __init__(self, world: Callable[[int], None]) -> None:
        self._world = world
        self._now = 0

    def now_ns(self) -> int:
        """Return the present time [ns]."""
        return self._now

    def suspended_ns(self) -> int:
        """Return nothing."""
        return 0

    def sleep_until(self, time_ns: int) -> bool:
        """Let the world live until time_ns."""
        if time_ns > self._now:
            self._world(time_ns - self._now)
            self._now = time_ns
        return True


class PlainBus:
    """A MotionBus whose joints are at once where they are told to be.

    ``on_read`` is called within every read and may raise; ``calls`` is what was asked of it.
    """

    def __init__(self, joints: Sequence[str]) -> None:
        self.joints = tuple(joints)
        self.position = [0.1 * n for n in range(len(joints))]
        self.goal = list(self.position)
        self.torque = [False] * len(joints)
        self.complaints: dict[str, tuple[str, ...]] = {}
        self.now: Callable[[], int] = lambda: 0
        self.on_read: Callable[[], None] = lambda: None
        self.calls: list[str] = []
        self.writes: list[tuple[float, ...]] = []
        self.stuck: dict[str, float] = {}  # added to where a joint should be
        self.retries = 0

    def faults(self) -> dict[str, tuple[str, ...]]:
        return self.complaints

    def connect(self) -> None:
        self.on_read()
        self.calls.append("connect")

    def read(self) -> JointState:
        self.on_read()
        still = (0.0,) * len(self.joints)
        seen = [p + self.stuck.get(n, 0.0) for n, p in zip(self.joints, self.position, strict=True)]
        return JointState(self.now(), tuple(seen), still, still)

    def write(self, setpoints: Sequence[float]) -> None:
        self.on_read()
        self.calls.append("write")
        self.writes.append(tuple(setpoints))
        self.goal = list(setpoints)
        if all(self.torque):
            self.position = list(setpoints)

    def read_hold(self) -> HoldState:
        return HoldState(tuple(self.goal), tuple(self.torque))

    def read_health(self, joint: str) -> JointHealth:
        on = self.torque[self.joints.index(joint)]
        return JointHealth(joint, 30.0, 12.0, 0.1, moving=False, torque_enabled=on, faults=())

    def set_torque(self, enabled: bool) -> None:
        self.calls.append(f"torque {enabled}")
        self.torque = [enabled] * len(self.joints)

    def reset(self) -> None:
        self.on_read()
        self.calls.append("reset")

    def stop(self) -> None:
        assert "stop" not in self.calls, "once for a stop"
        self.calls.append("stop")

    def close(self) -> None:
        self.calls.append("close")


class Rig:
    """The tick with its shared memory and pipe, as the bridge sees them."""

    def __init__(
        self,
        config: LoopConfig,
        factory: Callable[[], MotionBus],
        world: Callable[[int], None] = lambda _: None,
        control: Control | None = None,
    ) -> None:
        self.config = config
        self.clock = VirtualClock(world)
        self.clock.sleep_until(SECONDS)
        self.control = control or Control.create()
        self.shared = Shared.create(len(config.joints), config.trajectory_rate)
        self.bridge, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.bridge.setblocking(False)
        self.beating = True
        self.control.set_word(HEARTBEAT, self.clock.now_ns())
        self.tick = Tick(config, self.clock, self.control, self.shared, Pipe(theirs), factory)
        self.tick.port.open()
        self._theirs = theirs
        self._asked = 0
        self.run(1)

    @property
    def state(self) -> LoopState:
        state = self.shared.state()
        assert state is not None
        return state

    def run(self, ticks: int) -> None:
        """Tick so often, at the loop's rate, with a living bridge unless told otherwise."""
        for _ in range(ticks):
            self.clock.sleep_until(self.clock.now_ns() + self.config.period_ns)
            if self.beating:
                self.control.set_word(HEARTBEAT, self.clock.now_ns())
            self.tick.run_once()

    def until(self, true: Callable[[LoopState], bool], ticks: int = 5000) -> int:
        """Tick until the state is so; return how many ticks that took."""
        for n in range(ticks):
            if true(self.state):
                return n
            self.run(1)
        raise AssertionError(f"not within {ticks} ticks: {self.state}")

    def ask(self, op: str, **arguments: Any) -> Any:
        """Put a question into the pipe, tick once, and return the answer or raise it."""
        self._asked += 1
        self.bridge.send(json.dumps({"id": self._asked, "op": op, **arguments}).encode())
        self.run(1)
        answer = json.loads(self.bridge.recv(MESSAGE))
        assert answer["id"] == self._asked
        if answer["error"]:
            raise decode_error(answer["error"])
        return answer["result"]

    def load(self, trajectory: Trajectory, motion_id: int = 1, token: int = 7, **other: Any) -> Any:
        """Have a trajectory taken, as the bridge does; ``other`` replaces arguments."""
        self.shared.put_trajectory(trajectory)
        arguments = {
            "motion_id": motion_id,
            "token": token,
            "digest": trajectory.digest(),
            "rows": trajectory.rows,
            "step_rows": list(trajectory.step_rows),
            "policy": asdict(trajectory.policy) if trajectory.policy else None,
        }
        return self.ask("play", **{**arguments, **other})

    def play(self, *of: Any, **other: Any) -> None:
        """Have a trajectory played at once; arguments as :meth:`load`."""
        self.load(*of, **other)
        self.control.begin(self.clock.now_ns())

    def lease(self, token: int = 7, until_ns: int = FOREVER_NS) -> None:
        self.control.lease(self.config.number, token, until_ns)

    def abort(self, motion_id: int) -> None:
        self.control.set_word(ABORT, motion_id)

    def close(self) -> None:
        self.tick.port.close()
        self.bridge.close()
        self._theirs.close()
        self.shared.close()
        self.control.close()


def sweep(
    start: Sequence[float], travel: dict[int, float], rows: int, rate: int, joints: tuple[str, ...]
) -> Trajectory:
    """A smooth motion from ``start`` by ``travel`` [rad, by joint index], with a lead."""
    at = np.linspace(0.0, 1.0, rows)
    shape = at**3 * (10 - 15 * at + 6 * at**2)
    hold = np.tile(np.asarray(start, dtype=float), (rows, 1))
    for joint, distance in travel.items():
        hold[:, joint] += distance * shape
    lead = np.gradient(hold, 1.0 / rate, axis=0) * 0.02
    lead[0] = lead[-1] = 0.0
    return wide_tube(rate, joints, hold, lead, hold.copy(), (0, rows))


def wide_tube(
    rate: int,
    joints: tuple[str, ...],
    hold: np.ndarray,
    lead: np.ndarray,
    predicted: np.ndarray,
    step_rows: tuple[int, ...],
) -> Trajectory:
    """A trajectory in the middle of a wide tube, without a word on effort."""
    wide, silent = np.full_like(hold, 0.15), np.full_like(hold, np.inf)
    effort = np.zeros_like(hold)
    return Trajectory(rate, joints, hold, lead, predicted, effort, wide, silent, step_rows)


def raised(call: Callable[[], Any]) -> HandrailError:
    """Return the error that a call raises."""
    try:
        call()
    except HandrailError as error:
        return error
    raise AssertionError("nothing was raised")


def played(bus: PlainBus, rows: int) -> np.ndarray:
    return np.array(bus.writes[-rows:])


def on_path(writes: np.ndarray, path: Trajectory) -> bool:
    """Both joints at the same place of the same path, whatever the lead adds to each."""
    done = (writes[:, [0, 3]] - path.hold[0, [0, 3]]) / np.array([TRAVEL[0], TRAVEL[3]])
    return bool(np.abs(done[:, 0] - done[:, 1]).max() < 1e-9)


def silent() -> NoReturn:
    raise ServoSilent("elbow_flex does not answer.", subject="elbow_flex")
