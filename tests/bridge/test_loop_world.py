"""Loop, servo driver and physics in one process and virtual time, judged by the truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from handrail_bridge.loop.settings import loop_configs
from handrail_bridge.loop.state import Mode
from handrail_drivers.errors import BusLost
from handrail_drivers.feetech import registers as reg
from handrail_drivers.feetech.driver import FeetechBus
from handrail_sim.cell_file import device_settings, load_cell
from handrail_sim.twin.feetech_wire import FeetechBank, ServoSpec
from handrail_sim.twin.truth import Truth
from handrail_sim.world import Scene, load_model
from loop_rig import Rig, sweep
from memory_wire import MemoryWire


@dataclass
class World:
    """Physics that lives while the loop sleeps, and the wire into it."""

    truth: Truth
    wire: MemoryWire
    plugged: bool = True
    speed: float = 0.0  # rad/s, the fastest joint's of the last step

    def live(self, duration_ns: int) -> None:
        dt = self.truth.timestep
        for _ in range(round(duration_ns * 1e-9 / dt)):
            position, velocity = self.truth.joint_state()
            self.truth.step(self.wire.bank.step(position, velocity, dt))
            self.speed = max(abs(v) for v in velocity)

    @property
    def tcp(self) -> np.ndarray:
        return np.array(self.truth.snapshot()["tcp"]["position"])


@dataclass
class Stage:
    rig: Rig
    world: World
    scene: Scene
    stiffness: np.ndarray  # N.m/rad

    @property
    def hold(self) -> list[float]:
        """Measured plus load compensation, as the bridge works it out."""
        position = np.array(self.rig.state.position)
        return (position + self.scene.gravity(position) / self.stiffness).tolist()

    def settle(self) -> None:
        """Let the arm come to rest; a turning point is none."""
        calm = 0
        for _ in range(2000):
            self.rig.run(1)
            calm = calm + 1 if self.world.speed < 0.005 else 0
            if calm == 50:
                return
        raise AssertionError("it never came to rest")


@pytest.fixture
def rest() -> Iterator[Stage]:
    """The desk's arm as it wakes up: folded, without torque."""
    cell = load_cell("desk")
    config = loop_configs(cell, {})[0].model_copy(update={"rules": {}})
    truth = Truth(cell, seed=3, perturb=True)
    settings = device_settings(cell, cell.arm.device)
    bank = FeetechBank(
        [
            ServoSpec(settings.joints[name].id, name, truth.servo_draws[name])
            for name in truth.joints
        ]
    )
    world = World(truth, MemoryWire(bank))
    rig: Rig

    def factory() -> FeetechBus:
        if not world.plugged:
            raise BusLost("There is no port /dev/x.", subject="/dev/x")
        return FeetechBus("arm_bus", settings, world.wire, clock=lambda: rig.clock.now_ns())

    rig = Rig.__new__(Rig)
    rig.__init__(config, factory, world.live)  # type: ignore[misc]  # the bus needs its clock
    stiffness = np.array([cell.arm.servo[name].stiffness for name in config.joints])
    yield Stage(rig, world, Scene(load_model(cell), cell), stiffness)
    rig.close()


@pytest.fixture
def stage(rest: Stage) -> Stage:
    """The arm armed and lifted off its rest, with the lease held."""
    rig = rest.rig
    rig.ask("arm", hold=rig.state.position)
    rig.lease()
    lift = {1: 0.9, 2: -0.9, 3: 1.5}  # rad, up from the folded rest
    rig.play(sweep(rig.state.setpoint, lift, 500, 250, rig.config.joints), motion_id=100)
    rig.until(lambda state: state.mode != Mode.MOVING)
    rest.settle()
    assert rig.state.ended_completed
    return rest


def pan(stage: Stage, rows: int = 400) -> None:
    start = stage.rig.state.setpoint
    path = sweep(start, {0: -1.2}, rows, 250, stage.rig.config.joints)
    path.predicted[:] = path.hold + np.array(stage.rig.state.position) - start
    stage.rig.play(path)


def test_a_stop_in_mid_motion_ends_in_a_held_stop(stage: Stage) -> None:
    pan(stage)
    stage.rig.run(200)
    before = stage.world.truth.joint_state()[0][0]
    assert stage.world.speed > 0.5
    stage.rig.control.raise_stop("a test")
    stage.rig.until(lambda state: state.mode == Mode.STOPPED, ticks=39)
    stage.settle()
    stood = stage.world.truth.joint_state()[0]
    assert 0.02 < before - stood[0] < 0.2, "on along the path, not far"
    assert not stage.rig.state.ended_completed
    stage.rig.run(500)
    assert np.abs(np.array(stage.world.truth.joint_state()[0]) - stood).max() < 0.002


def test_a_bus_pulled_in_mid_motion_leaves_the_arm_near_its_last_setpoint(stage: Stage) -> None:
    pan(stage)
    stage.rig.run(200)
    stage.world.plugged = False
    stage.world.wire.unplug()
    stage.rig.run(1)
    assert stage.rig.state.mode == Mode.FAULT
    last = stage.rig.tick.port
    assert last.bus is None
    stage.settle()
    stood = stage.world.tcp
    stage.rig.run(500)
    assert np.linalg.norm(stage.world.tcp - stood) < 0.001


def test_ten_rearms_under_load_neither_sag_nor_jump(stage: Stage) -> None:
    stage.settle()
    stood = stage.world.tcp
    fastest = 0.0
    for _ in range(10):
        stage.world.plugged = False
        stage.world.wire.unplug()
        stage.rig.until(lambda state: state.mode == Mode.FAULT)
        stage.world.plugged = True
        stage.world.wire.plug()
        stage.rig.until(lambda _: stage.rig.tick.port.bus is not None, ticks=600)
        stage.rig.ask("reset")
        stage.rig.ask("arm", hold=stage.hold)
        for _ in range(50):
            stage.rig.run(1)
            fastest = max(fastest, stage.world.speed)
    assert stage.rig.state.mode == Mode.ARMED
    assert np.linalg.norm(stage.world.tcp - stood) < 0.001
    assert fastest < 0.05, "it jumped"


def test_ten_rearms_from_without_torque_each_hold_the_arm_where_it_is(stage: Stage) -> None:
    stage.settle()
    servos = stage.world.wire.bank.servos
    for _ in range(10):
        stage.rig.ask("remove_torque")
        assert not any(servo.torque_enabled for servo in servos.values())
        stage.rig.run(1)  # it begins to fall
        before = stage.world.tcp
        stage.rig.ask("arm", hold=stage.hold)
        stage.settle()
        assert all(servo.torque_enabled for servo in servos.values())
        assert np.linalg.norm(stage.world.tcp - before) < 0.001


def test_arming_without_torque_takes_the_compensated_hold(stage: Stage) -> None:
    stage.settle()
    stood, hold = stage.world.tcp, stage.hold
    stage.rig.ask("disarm")
    stage.world.wire.bank.servos["wrist_roll"].write(40, b"\x00")  # any joint: its torque
    stage.rig.ask("arm", hold=hold)
    stage.rig.run(250)
    assert all(stage.rig.state.torque_enabled)
    assert np.linalg.norm(stage.world.tcp - stood) < 0.003


def test_after_a_brown_out_the_arm_is_held_where_it_fell(stage: Stage) -> None:
    pan(stage)
    stage.rig.run(100)
    servos = stage.world.wire.bank.servos.values()
    limits = [servo.read(reg.TORQUE_LIMIT.address, 2) for servo in servos]
    for servo in servos:
        servo.power_cycle()
    assert [servo.read(reg.TORQUE_LIMIT.address, 2) for servo in servos] != limits
    stage.rig.until(lambda state: state.mode == Mode.FAULT, ticks=70)
    assert "lost torque" in stage.rig.state.reason
    stage.rig.run(1000)
    assert not any(servo.torque_enabled for servo in stage.world.wire.bank.servos.values())
    stage.rig.ask("reset")
    fallen = np.array(stage.world.truth.joint_state()[0])
    stage.rig.ask("arm", hold=stage.rig.state.position)
    for _ in range(100):
        stage.rig.run(1)
        assert stage.world.speed < 0.2, "it jumped to a goal of before"
    assert np.abs(np.array(stage.world.truth.joint_state()[0]) - fallen).max() < 0.02
    again = [servo.read(reg.TORQUE_LIMIT.address, 2) for servo in servos]
    assert again == limits, "what it may push with was in its memory"


def test_a_blocked_joint_leaves_the_tube(stage: Stage) -> None:
    pan(stage, rows=1500)
    stage.rig.run(100)
    stage.world.wire.bank.servos["shoulder_pan"].write(48, (20).to_bytes(2, "little"))
    stage.rig.until(lambda state: state.mode == Mode.FAULT, ticks=1500)
    assert "shoulder_pan" in stage.rig.state.reason
    assert stage.rig.state.fault_code == "tube_left"


def test_the_first_arming_moves_nothing(rest: Stage) -> None:
    before, fastest = rest.world.tcp, 0.0
    rest.rig.ask("arm", hold=rest.hold)
    for _ in range(250):
        rest.rig.run(1)
        fastest = max(fastest, rest.world.speed)
    assert all(rest.rig.state.torque_enabled)
    assert np.linalg.norm(rest.world.tcp - before) < 0.002
    assert fastest < 0.1, "it jumped"


def test_a_servo_that_falls_silent_is_named_and_everything_stands(stage: Stage) -> None:
    pan(stage)
    stage.rig.run(150)
    servo = stage.world.wire.bank.servos["elbow_flex"]
    servo.silent = True
    took = stage.rig.until(lambda state: state.mode == Mode.FAULT)
    assert took <= stage.rig.config.late_reads
    assert stage.rig.state.fault_code == "servo_silent"
    assert "elbow_flex" in stage.rig.state.reason
    stage.settle()
    stood = stage.world.tcp
    servo.silent = False
    stage.rig.run(3)
    stage.rig.ask("reset")
    stage.rig.ask("arm", hold=stage.hold)
    stage.rig.run(100)
    assert stage.rig.state.mode == Mode.ARMED
    assert np.linalg.norm(stage.world.tcp - stood) < 0.001


def test_garbled_replies_are_counted_and_borne(stage: Stage) -> None:
    pan(stage)
    before = stage.rig.state
    for _ in range(20):
        stage.rig.run(10)
        stage.world.wire.bank.garble = 1
    stage.rig.until(lambda state: state.mode != Mode.MOVING)
    state = stage.rig.state
    assert state.ended_completed
    assert state.retries + state.late_reads - before.retries - before.late_reads == 20
