"""The lease: exclusive, kept by heartbeats, with tokens that only grow."""

import pytest
from handrail_bridge.leases import Leases
from handrail_drivers.errors import InvalidValue, LeaseRefused
from hypothesis import given
from hypothesis import strategies as st


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens() -> list[int]:
    return []


@pytest.fixture
def leases(clock: Clock, tokens: list[int]) -> Leases:
    return Leases(("arm_bus",), 2.0, tokens.append, clock)


def test_one_holder_at_a_time(leases: Leases, clock: Clock) -> None:
    lease = leases.acquire("first")
    assert lease.remaining == 2.0
    clock.now += 0.5
    with pytest.raises(LeaseRefused, match="'first' holds") as refused:
        leases.acquire("second")
    assert refused.value.limit == 1.5


def test_a_silent_holder_loses_it(leases: Leases, clock: Clock, tokens: list[int]) -> None:
    first = leases.acquire("first")
    clock.now += 2.0
    assert leases.current().token == 0
    assert tokens == [first.token, 0]
    second = leases.acquire("second")
    assert second.token > first.token
    with pytest.raises(LeaseRefused, match="lapsed"):
        leases.beat(first.token)
    leases.release(first.token)
    assert leases.current().holder == "second"


def test_heartbeats_keep_it(leases: Leases, clock: Clock) -> None:
    lease = leases.acquire("first", heartbeat=0.1)
    for _ in range(50):
        clock.now += 0.09
        leases.beat(lease.token)
    leases.require(lease.token)


def test_the_operator_takes_it(leases: Leases, tokens: list[int]) -> None:
    lease = leases.acquire("first")
    leases.revoke()
    assert tokens[-1] == 0
    with pytest.raises(LeaseRefused):
        leases.require(lease.token)


def test_no_token_is_no_lease(leases: Leases) -> None:
    with pytest.raises(LeaseRefused, match="needed"):
        leases.require(0)
    leases.acquire("first")
    with pytest.raises(LeaseRefused):
        leases.require(0)


@pytest.mark.parametrize("heartbeat", [-1.0, 0.01, 61.0, float("nan"), float("inf")])
def test_a_heartbeat_out_of_range_is_refused(leases: Leases, heartbeat: float) -> None:
    with pytest.raises(InvalidValue):
        leases.acquire("first", heartbeat)
    assert leases.current().token == 0


def test_a_lease_needs_a_name(leases: Leases) -> None:
    with pytest.raises(InvalidValue):
        leases.acquire("  ")


ACTS = st.sampled_from(["acquire", "beat", "release", "revoke"])


@given(st.lists(st.tuples(ACTS, st.floats(0, 3))))
def test_tokens_grow_and_the_loop_knows_the_current_one(acts: list[tuple[str, float]]) -> None:
    clock, told = Clock(), [0]
    leases = Leases(("arm_bus",), 2.0, told.append, clock)
    held: list[int] = [0]
    for act, pause in acts:
        clock.now += pause
        try:
            if act == "acquire":
                held.append(leases.acquire("someone").token)
                assert held[-1] > held[-2]
            elif act == "beat":
                assert leases.beat(held[-1]).remaining == pytest.approx(2.0)
            elif act == "release":
                leases.release(held[-1])
            else:
                leases.revoke()
        except LeaseRefused:
            pass
        assert told[-1] == leases.current().token
