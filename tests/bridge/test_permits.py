"""The table of permits: what a permit is bound to, and every way in which it ends."""

from dataclasses import replace

import numpy as np
import pytest
from handrail_bridge.rail.belief import Believed
from handrail_bridge.rail.grants import Present
from handrail_bridge.rail.permits import OPEN, WAITING, Permits
from handrail_bridge.reports import Permit
from handrail_drivers.errors import PermitRefused, Refused, UnknownName
from handrail_sim.plan import Plan
from handrail_sim.verdict import ObjectBelief, Verdict
from hypothesis import given
from hypothesis import strategies as st
from loop_rig import wide_tube

LIFETIME = 30.0
DRIFT = 0.03
PATIENCE = 60.0
NOW = 100.0
JOINTS = ("shoulder_pan", "gripper")
START = dict.fromkeys(JOINTS, 0.5)
CUBE = ObjectBelief((0.2, 0.1, 0.0125), (1.0, 0.0, 0.0, 0.0), "seen", 0)
BELIEVED = Believed({"cube": CUBE}, {"cube": (0.025, 0.025, 0.025)}, 0.004)
ELSEWHERE = replace(BELIEVED, objects={"cube": replace(CUBE, position=(0.205, 0.1, 0.0125))})
PLAN = Plan.model_validate({"steps": [{"tool": "arm_home"}]})
ASKS = ("Every plan of this cell needs approval.",)


def verdict(digest: str = "plan") -> Verdict:
    rows = np.zeros((3, 2))
    trajectory = wide_tube(250, JOINTS, rows, rows, rows, (0, 3))
    return Verdict(True, digest, (), (), 0.01, None, "", {}, {}, 0.0, trajectory, {}, ())


def present(**changes: object) -> Present:
    moment = Present(NOW, START, "cell", BELIEVED, 0, {"arm_bus": 3, "jaw_bus": 5})
    return replace(moment, **changes)


@pytest.fixture
def permits() -> Permits:
    return Permits(LIFETIME, DRIFT, PATIENCE)


def test_a_permit_is_good_once(permits: Permits) -> None:
    grant = permits.issue(PLAN, verdict(), present(), ("arm_bus",), NOW)
    assert permits.redeem(grant.id, "plan", present()).verdict.plan_digest == grant.plan_digest
    with pytest.raises(PermitRefused, match="spent"):
        permits.redeem(grant.id, "plan", present())


def test_examining_spends_nothing(permits: Permits) -> None:
    grant = permits.issue(PLAN, verdict(), present(), ("arm_bus",), NOW)
    permits.examine(grant.id, "plan", present())
    permits.redeem(grant.id, "plan", present())


@pytest.mark.parametrize(
    ("digest", "changes", "sentence"),
    [
        ("other", {}, "another plan"),
        ("plan", {"time": NOW + LIFETIME}, "expired"),
        ("plan", {"cell_digest": "other"}, "cell has changed"),
        ("plan", {"believed": ELSEWHERE}, "What is known of cube has changed"),
        ("plan", {"stops": 1}, "killed by a stop"),
        ("plan", {"leases": {"arm_bus": 4, "jaw_bus": 5}}, "another lease"),
        ("plan", {"position": {**START, "gripper": 0.54}}, "gripper has moved by 0.040"),
        ("plan", {"position": {**START, "shoulder_pan": float("nan")}}, "shoulder_pan"),
    ],
)
def test_each_refusal_has_its_own_sentence(
    permits: Permits, digest: str, changes: dict[str, object], sentence: str
) -> None:
    grant = permits.issue(PLAN, verdict(), present(), ("arm_bus",), NOW)
    with pytest.raises(PermitRefused, match=sentence) as refused:
        permits.redeem(grant.id, digest, present(**changes))
    assert refused.value.hint
    assert refused.value.field


def test_what_slides_is_held_to_metres() -> None:
    permits = Permits(LIFETIME, DRIFT, PATIENCE, 0.003, {"gripper"})
    grant = permits.issue(PLAN, verdict(), present(), ("arm_bus",), NOW)
    with pytest.raises(PermitRefused, match=r"gripper has moved by 0\.010 m") as refused:
        permits.redeem(grant.id, "plan", present(position={**START, "gripper": 0.51}))
    assert (refused.value.limit, refused.value.unit) == (0.003, "m")


def test_an_unknown_handle_is_refused(permits: Permits) -> None:
    with pytest.raises(PermitRefused, match="not known"):
        permits.redeem("forged", "plan", present())


def test_a_stop_kills_every_open_permit(permits: Permits) -> None:
    grants = [permits.issue(PLAN, verdict(), present(), ("arm_bus",), NOW) for _ in range(3)]
    permits.kill_all("was killed by a stop")
    for grant in grants:
        with pytest.raises(PermitRefused, match="killed by a stop"):
            permits.redeem(grant.id, "plan", present())


def test_a_verdict_that_did_not_pass_yields_none(permits: Permits) -> None:
    with pytest.raises(PermitRefused):
        permits.issue(PLAN, replace(verdict(), passed=False), present(), ("arm_bus",), NOW)


def test_the_table_is_bounded(permits: Permits) -> None:
    first = permits.issue(PLAN, verdict(), present(), ("arm_bus",), NOW)
    others = [permits.issue(PLAN, verdict(), present(), ("arm_bus",), NOW) for _ in range(OPEN)]
    with pytest.raises(PermitRefused, match="newer permits"):
        permits.redeem(first.id, "plan", present())
    permits.redeem(others[-1].id, "plan", present())


def test_few_wait_for_a_person_and_none_of_them_gives_way(permits: Permits) -> None:
    asking = replace(verdict(), asks=ASKS)
    waiting = [permits.issue(PLAN, asking, present(), ("arm_bus",), NOW) for _ in range(WAITING)]
    with pytest.raises(Refused, match="wait for a person already") as refused:
        permits.issue(PLAN, asking, present(), ("arm_bus",), NOW)
    assert refused.value.limit == WAITING
    for _ in range(2 * OPEN):
        permits.issue(PLAN, verdict(), present(), ("arm_bus",), NOW)
    assert [grant.id for grant in permits.waiting(NOW)] == [permit.id for permit in waiting]


def test_what_nobody_answered_leaves_room_for_others(permits: Permits) -> None:
    asking = replace(verdict(), asks=ASKS)
    later = NOW
    for _ in range(OPEN // WAITING + 1):
        for _ in range(WAITING):
            unanswered = permits.issue(PLAN, asking, present(), ("arm_bus",), later)
        later += PATIENCE
    other = permits.issue(PLAN, verdict(), present(), ("arm_bus",), later)
    permits.redeem(other.id, "plan", present(time=later))
    with pytest.raises(PermitRefused, match="nobody answered within"):
        permits.approved(unanswered.id, later)


def test_a_lease_taken_after_the_check_may_execute(permits: Permits) -> None:
    grant = permits.issue(
        PLAN, verdict(), present(leases={"arm_bus": 0, "jaw_bus": 0}), ("arm_bus",), NOW
    )
    permits.redeem(grant.id, "plan", present(leases={"arm_bus": 9, "jaw_bus": 1}))


def test_a_lease_on_what_does_not_move_is_not_asked_about(permits: Permits) -> None:
    grant = permits.issue(PLAN, verdict(), present(), ("arm_bus",), NOW)
    permits.redeem(grant.id, "plan", present(leases={"arm_bus": 3, "jaw_bus": 77}))


@given(drift=st.floats(allow_nan=True, allow_infinity=True), joint=st.sampled_from(JOINTS))
def test_only_a_start_within_tolerance_is_redeemed(drift: float, joint: str) -> None:
    permits = Permits(LIFETIME, DRIFT, PATIENCE)
    grant = permits.issue(PLAN, verdict(), present(), ("arm_bus",), NOW)
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
    permits = Permits(LIFETIME, DRIFT, PATIENCE)
    issued: list[tuple[str, float]] = []
    good: set[str] = set()
    now = 0.0
    for act in acts:
        if act == "issue":
            grant = permits.issue(PLAN, verdict(), present(), ("arm_bus",), now)
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


# --- approval ---------------------------------------------------------------------------------


def waiting(permits: Permits) -> Permit:
    return permits.issue(PLAN, replace(verdict(), asks=ASKS), present(), ("arm_bus",), NOW)


def test_what_waits_for_a_person_moves_nothing(permits: Permits) -> None:
    permit = waiting(permits)
    assert (permit.asks, permit.approver, permit.expires_in) == (ASKS, "", PATIENCE)
    with pytest.raises(PermitRefused, match="waits for a person: Every plan") as refused:
        permits.redeem(permit.id, "plan", present())
    assert refused.value.field == "approval"
    assert permits.approved(permit.id, NOW) is None


def test_an_approval_makes_it_good_and_its_life_begins_anew(permits: Permits) -> None:
    permit = waiting(permits)
    later = NOW + PATIENCE - 1
    (grant,) = permits.waiting(later)
    permits.approve(permits.asked(grant.number, permit.trajectory_digest, later), "Ada", later)
    approved = permits.approved(permit.id, later)
    assert approved is not None
    assert (approved.id, approved.approver, approved.expires_in) == (permit.id, "Ada", LIFETIME)
    assert permits.waiting(later) == []
    assert permits.redeem(permit.id, "plan", present(time=later)).approver == "Ada"
    with pytest.raises(PermitRefused, match="spent"):
        permits.redeem(permit.id, "plan", present(time=later))


def test_an_approval_does_not_outlive_what_kills_a_permit(permits: Permits) -> None:
    permit = waiting(permits)
    permits.approve(permits.waiting(NOW)[0], "Ada", NOW)
    with pytest.raises(PermitRefused, match="gripper has moved"):
        permits.redeem(permit.id, "plan", present(position={**START, "gripper": 0.54}))
    with pytest.raises(PermitRefused, match="expired"):
        permits.redeem(permit.id, "plan", present(time=NOW + LIFETIME))


def test_nobody_there_means_no(permits: Permits) -> None:
    permit = waiting(permits)
    assert permits.waiting(NOW + PATIENCE) == []
    with pytest.raises(PermitRefused, match="nobody answered within 60 s"):
        permits.approved(permit.id, NOW + PATIENCE)
    with pytest.raises(UnknownName):
        permits.asked(1, permit.trajectory_digest, NOW + PATIENCE)


def test_a_stop_kills_what_waits(permits: Permits) -> None:
    permit = waiting(permits)
    permits.kill_all("was killed by a stop")
    assert permits.waiting(NOW) == []
    with pytest.raises(PermitRefused, match="killed by a stop"):
        permits.approved(permit.id, NOW)


def test_who_asked_hears_why_not(permits: Permits) -> None:
    permit = waiting(permits)
    permits.reject(permits.waiting(NOW)[0], "was refused by Ada: somebody is at the table")
    with pytest.raises(PermitRefused, match="refused by Ada: somebody is at the table"):
        permits.approved(permit.id, NOW)


def test_only_what_was_shown_can_be_approved(permits: Permits) -> None:
    waiting(permits)
    (grant,) = permits.waiting(NOW)
    with pytest.raises(PermitRefused, match="another motion"):
        permits.asked(grant.number, "0" * 64, NOW)
    with pytest.raises(UnknownName):
        permits.asked(grant.number + 1, grant.verdict.trajectory.digest(), NOW)


def test_a_no_reaches_what_was_approved_and_not_what_is_spent(permits: Permits) -> None:
    permit = waiting(permits)
    shown = 1, permit.trajectory_digest, NOW
    permits.approve(permits.asked(*shown), "Ada", NOW)
    with pytest.raises(UnknownName):
        permits.asked(*shown)
    assert permits.asked(*shown, approve=False).id == permit.id
    permits.redeem(permit.id, "plan", present())
    with pytest.raises(UnknownName):
        permits.asked(*shown, approve=False)


def test_the_operators_own_request_is_approved(permits: Permits) -> None:
    found = replace(verdict(), asks=ASKS)
    permit = permits.issue(PLAN, found, present(), ("arm_bus",), NOW, "the operator")
    assert (permit.approver, permit.expires_in) == ("the operator", LIFETIME)
    permits.redeem(permit.id, "plan", present())


def test_nobody_is_named_where_nobody_was_asked(permits: Permits) -> None:
    permit = permits.issue(PLAN, verdict(), present(), ("arm_bus",), NOW, "the operator")
    assert (permit.asks, permit.approver) == ((), "")
