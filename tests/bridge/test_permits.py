"""The table of permits: what a permit is bound to, and every way in which it ends."""

from dataclasses import replace

import numpy as np
import pytest
from handrail_bridge.permits import OPEN, Permits, Present
from handrail_drivers.errors import PermitRefused
from handrail_sim.verdict import Verdict
from hypothesis import given
from hypothesis import strategies as st
from loop_rig import wide_tube

LIFETIME = 30.0
DRIFT = 0.03
NOW = 100.0
JOINTS = ("shoulder_pan", "gripper")
START = dict.fromkeys(JOINTS, 0.5)


def verdict(digest: str = "plan") -> Verdict:
    rows = np.zeros((3, 2))
    trajectory = wide_tube(250, JOINTS, rows, rows, rows, (0, 3))
    return Verdict(True, digest, (), (), 0.01, None, "", {}, {}, 0.0, trajectory, {}, ())


def present(**changes: object) -> Present:
    moment = Present(NOW, START, "cell", 7, 0, {"arm_bus": 3, "jaw_bus": 5})
    return replace(moment, **changes)


@pytest.fixture
def permits() -> Permits:
    return Permits(LIFETIME, DRIFT)


def test_a_permit_is_good_once(permits: Permits) -> None:
    grant = permits.issue(verdict(), present(), ("arm_bus",), NOW)
    assert permits.redeem(grant.id, "plan", present()).verdict.plan_digest == grant.plan_digest
    with pytest.raises(PermitRefused, match="spent"):
        permits.redeem(grant.id, "plan", present())


def test_examining_spends_nothing(permits: Permits) -> None:
    grant = permits.issue(verdict(), present(), ("arm_bus",), NOW)
    permits.examine(grant.id, "plan", present())
    permits.redeem(grant.id, "plan", present())


@pytest.mark.parametrize(
    ("digest", "changes", "sentence"),
    [
        ("other", {}, "another plan"),
        ("plan", {"time": NOW + LIFETIME}, "expired"),
        ("plan", {"cell_digest": "other"}, "cell has changed"),
        ("plan", {"belief_version": 8}, "objects has changed"),
        ("plan", {"stops": 1}, "killed by a stop"),
        ("plan", {"leases": {"arm_bus": 4, "jaw_bus": 5}}, "another lease"),
        ("plan", {"position": {**START, "gripper": 0.54}}, "gripper has moved by 0.040"),
        ("plan", {"position": {**START, "shoulder_pan": float("nan")}}, "shoulder_pan"),
    ],
)
def test_each_refusal_has_its_own_sentence(
    permits: Permits, digest: str, changes: dict[str, object], sentence: str
) -> None:
    grant = permits.issue(verdict(), present(), ("arm_bus",), NOW)
    with pytest.raises(PermitRefused, match=sentence) as refused:
        permits.redeem(grant.id, digest, present(**changes))
    assert refused.value.hint
    assert refused.value.field


def test_an_unknown_handle_is_refused(permits: Permits) -> None:
    with pytest.raises(PermitRefused, match="not known"):
        permits.redeem("forged", "plan", present())


def test_a_stop_kills_every_open_permit(permits: Permits) -> None:
    grants = [permits.issue(verdict(), present(), ("arm_bus",), NOW) for _ in range(3)]
    permits.kill_all("was killed by a stop")
    for grant in grants:
        with pytest.raises(PermitRefused, match="killed by a stop"):
            permits.redeem(grant.id, "plan", present())


def test_a_verdict_that_did_not_pass_yields_none(permits: Permits) -> None:
    with pytest.raises(PermitRefused):
        permits.issue(replace(verdict(), passed=False), present(), ("arm_bus",), NOW)


def test_the_table_is_bounded(permits: Permits) -> None:
    first = permits.issue(verdict(), present(), ("arm_bus",), NOW)
    others = [permits.issue(verdict(), present(), ("arm_bus",), NOW) for _ in range(OPEN)]
    with pytest.raises(PermitRefused, match="newer permits"):
        permits.redeem(first.id, "plan", present())
    permits.redeem(others[-1].id, "plan", present())


def test_a_lease_taken_after_the_check_may_execute(permits: Permits) -> None:
    grant = permits.issue(
        verdict(), present(leases={"arm_bus": 0, "jaw_bus": 0}), ("arm_bus",), NOW
    )
    permits.redeem(grant.id, "plan", present(leases={"arm_bus": 9, "jaw_bus": 1}))


def test_a_lease_on_what_does_not_move_is_not_asked_about(permits: Permits) -> None:
    grant = permits.issue(verdict(), present(), ("arm_bus",), NOW)
    permits.redeem(grant.id, "plan", present(leases={"arm_bus": 3, "jaw_bus": 77}))


@given(drift=st.floats(allow_nan=True, allow_infinity=True), joint=st.sampled_from(JOINTS))
def test_only_a_start_within_tolerance_is_redeemed(drift: float, joint: str) -> None:
    permits = Permits(LIFETIME, DRIFT)
    grant = permits.issue(verdict(), present(), ("arm_bus",), NOW)
    moved = {**START, joint: 0.5 + drift}
    if abs(moved[joint] - 0.5) <= DRIFT:
        permits.redeem(grant.id, "plan", present(position=moved))
    else:
        with pytest.raises(PermitRefused, match=joint):
            permits.redeem(grant.id, "plan", present(position=moved))


@given(
    acts=st.lists(
        st.one_of(
            st.just("issue"),
            st.just("stop"),
            st.tuples(st.integers(0, 20), st.sampled_from(["plan", "other"]), st.floats(0, 90)),
        ),
        max_size=40,
    )
)
def test_no_handle_is_ever_redeemed_twice_nor_late_nor_for_another_plan(acts: list) -> None:
    permits = Permits(LIFETIME, DRIFT)
    issued: list[tuple[str, float]] = []
    good: set[str] = set()
    now = 0.0
    for act in acts:
        if act == "issue":
            grant = permits.issue(verdict(), present(), ("arm_bus",), now)
            issued.append((grant.id, now))
            good.add(grant.id)
        elif act == "stop":
            permits.kill_all("was killed by a stop")
            good.clear()
        elif issued:
            index, digest, step = act
            now += step
            handle, born = issued[index % len(issued)]
            allowed = handle in good and digest == "plan" and now < born + LIFETIME
            try:
                permits.redeem(handle, digest, present(time=now))
            except PermitRefused:
                assert not allowed
            else:
                assert allowed
                good.discard(handle)
