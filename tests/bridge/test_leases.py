"""Leases: exclusive by device, kept by heartbeats, queued in order, with tokens that only grow."""

from __future__ import annotations

import asyncio

import pytest
from handrail_bridge.rail.leases import Leases, Wish
from handrail_bridge.rpc import messages
from handrail_drivers.errors import InvalidValue, LeaseRefused, Refused, UnknownName
from hypothesis import given
from hypothesis import strategies as st

ARM, JAW = ("arm_bus",), ("jaw_bus",)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[tuple[int, tuple[str, ...]]]:
    return []


@pytest.fixture
def leases(clock: Clock, told: list[tuple[int, tuple[str, ...]]]) -> Leases:
    def on_lease(token: int, devices: tuple[str, ...], _until: float) -> None:
        told.append((token, devices))

    return Leases((*ARM, *JAW), 2.0, on_lease, clock)


def test_one_holder_of_a_device_at_a_time(leases: Leases, clock: Clock) -> None:
    lease = leases.acquire(leases.wish("first", ARM))
    assert (lease.remaining, lease.devices) == (2.0, ARM)
    clock.now += 0.5
    with pytest.raises(LeaseRefused, match="'first' holds the lease on arm_bus") as refused:
        leases.acquire(leases.wish("second"))
    assert refused.value.limit == 1.5
    other = leases.acquire(leases.wish("second", JAW))
    assert leases.tokens() == {"arm_bus": lease.token, "jaw_bus": other.token}


def test_a_token_is_told_to_its_holder_alone_and_cannot_be_guessed(leases: Leases) -> None:
    lease = leases.acquire(leases.wish("me"))
    assert messages.read_own_lease(messages.write_own_lease(lease)).token == lease.token
    (seen,) = leases.current()
    assert str(lease.token) not in str(messages.write_lease(seen))
    assert not hasattr(messages.read_lease(messages.write_lease(seen)), "token")
    for step in range(1, 1000):
        with pytest.raises(LeaseRefused):
            leases.require(lease.token + step, ARM)
    given = set()
    for _ in range(3):  # what comes next does not follow from what was
        leases.release(lease.token)
        given.add(-lease.token + (lease := leases.acquire(leases.wish("me"))).token)
    assert len(given) == 3
    assert all(0 < step < 2**34 for step in given)
    assert lease.token < 2**63


def test_the_leases_of_a_holder_are_revoked_by_its_name(
    leases: Leases, told: list[tuple[int, tuple[str, ...]]]
) -> None:
    arm, jaw = (leases.acquire(leases.wish(name, (of,))) for name, of in (("a", *ARM), ("b", *JAW)))
    with pytest.raises(UnknownName, match="'c'"):
        leases.revoke("c")
    assert leases.revoke("a") == ("a",)
    assert told[-1] == (0, ARM)
    assert leases.tokens() == {"arm_bus": 0, "jaw_bus": jaw.token}
    with pytest.raises(LeaseRefused, match="revoked"):
        leases.beat(arm.token)
    assert leases.revoke() == ("b",)
    assert leases.tokens() == {"arm_bus": 0, "jaw_bus": 0}
    assert leases.revoke() == ()


def test_a_set_is_taken_whole_or_not_at_all(leases: Leases) -> None:
    leases.acquire(leases.wish("first", JAW))
    with pytest.raises(LeaseRefused):
        leases.acquire(leases.wish("second", (*ARM, *JAW)))
    assert leases.tokens()["arm_bus"] == 0


def test_a_silent_holder_loses_it_and_others_keep_theirs(
    leases: Leases, clock: Clock, told: list[tuple[int, tuple[str, ...]]]
) -> None:
    first = leases.acquire(leases.wish("first", ARM, 0.05))
    other = leases.acquire(leases.wish("other", JAW))
    clock.now += 0.05
    assert [lease.holder for lease in leases.current()] == ["other"]
    assert told[-1] == (0, ARM)
    second = leases.acquire(leases.wish("second", ARM))
    assert second.token > other.token > first.token
    with pytest.raises(LeaseRefused, match="lapsed"):
        leases.beat(first.token)
    leases.release(first.token)
    assert leases.tokens() == {"arm_bus": second.token, "jaw_bus": other.token}


def test_heartbeats_keep_it(leases: Leases, clock: Clock) -> None:
    lease = leases.acquire(leases.wish("first", ARM, heartbeat=0.1))
    for _ in range(50):
        clock.now += 0.09
        leases.beat(lease.token)
    leases.require(lease.token, ARM)
    with pytest.raises(LeaseRefused, match="moves jaw_bus, which the lease does not hold"):
        leases.require(lease.token, (*ARM, *JAW))


def test_the_loops_are_told_until_when_at_every_heartbeat(clock: Clock) -> None:
    told: list[tuple[int, float]] = []
    leases = Leases(ARM, 2.0, lambda token, _, until: told.append((token, until)), clock)
    lease = leases.acquire(leases.wish("first", heartbeat=0.1))
    clock.now += 0.05
    leases.beat(lease.token)
    leases.release(lease.token)
    assert told == [(lease.token, 1000.1), (lease.token, 1000.15), (0, 0.0)]


def test_it_cannot_be_had_without_a_name_a_heartbeat_and_devices(leases: Leases) -> None:
    for holder in ("", " ", "x" * 81):
        with pytest.raises(InvalidValue, match="name of its holder"):
            leases.wish(holder)
    for heartbeat in (0.049, 60.1, -1.0, float("nan")):
        with pytest.raises(InvalidValue, match="heartbeat lies between"):
            leases.wish("first", heartbeat=heartbeat)
    with pytest.raises(UnknownName, match="arm_bus"):
        leases.wish("first", ("arm_buss",))


def test_no_lease_no_motion(leases: Leases) -> None:
    with pytest.raises(LeaseRefused, match="needed to move"):
        leases.require(0, ARM)
    with pytest.raises(LeaseRefused, match="lapsed or was revoked"):
        leases.require(12345, ARM)


async def test_who_waits_is_served_in_order_and_is_seen(leases: Leases) -> None:
    first = leases.acquire(leases.wish("first", ARM))
    waiting = [
        asyncio.create_task(leases.wait(leases.wish(name, devices), 60))
        for name, devices in (("second", (*ARM, *JAW)), ("third", ARM), ("fourth", JAW))
    ]
    await asyncio.sleep(0)
    assert leases.current()[0].waiting == ("second", "third", "fourth"), "who waits for one of them"
    with pytest.raises(LeaseRefused, match="'second' waits for the lease on jaw_bus"):
        leases.acquire(leases.wish("pushy", JAW))
    leases.release(first.token)
    second = await waiting[0]
    assert second.devices == (*ARM, *JAW)
    assert not waiting[1].done()
    leases.release(second.token)
    third, fourth = await waiting[1], await waiting[2]
    assert leases.tokens() == {"arm_bus": third.token, "jaw_bus": fourth.token}


async def test_who_gives_up_leaves_the_queue(leases: Leases) -> None:
    first = leases.acquire(leases.wish("first", ARM))
    gone = asyncio.create_task(leases.wait(leases.wish("gone", ARM), 60))
    stays = asyncio.create_task(leases.wait(leases.wish("stays", ARM), 60))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    with pytest.raises(LeaseRefused, match="'first' holds"):
        await leases.wait(leases.wish("brief", ARM), 0.0)
    assert leases.current()[0].waiting == ("stays",)
    leases.release(first.token)
    assert (await stays).holder == "stays"


async def test_one_who_leaves_as_its_turn_comes_holds_nothing(leases: Leases) -> None:
    first = leases.acquire(leases.wish("first", ARM))
    gone = asyncio.create_task(leases.wait(leases.wish("gone", ARM), 60))
    await asyncio.sleep(0)
    leases.release(first.token)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert leases.tokens()["arm_bus"] == 0


async def test_the_queue_is_bounded(leases: Leases) -> None:
    leases.acquire(leases.wish("first"))
    tasks = [asyncio.create_task(leases.wait(leases.wish(f"n{n}"), 60)) for n in range(16)]
    await asyncio.sleep(0)
    with pytest.raises(Refused, match="wait for a lease already"):
        await leases.wait(leases.wish("one more"), 60)
    with pytest.raises(InvalidValue, match="waited for"):
        await leases.wait(leases.wish("for ever"), 1e9)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


acts = st.tuples(
    st.sampled_from(["acquire", "release", "beat", "pass"]),
    st.sampled_from([ARM, JAW, (*ARM, *JAW)]),
    st.floats(0.0, 3.0),
)


@given(st.lists(acts, max_size=40))
def test_no_device_ever_has_two_holders(acts: list[tuple[str, tuple[str, ...], float]]) -> None:
    clock, tokens = Clock(), {"arm_bus": 0, "jaw_bus": 0}

    def on_lease(token: int, devices: tuple[str, ...], _until: float) -> None:
        tokens.update(dict.fromkeys(devices, token))

    leases = Leases((*ARM, *JAW), 2.0, on_lease, clock)
    seen: list[int] = []
    for act, devices, seconds in acts:
        clock.now += seconds
        held = leases.current()
        if act == "acquire":
            try:
                seen.append(leases.acquire(Wish("x", devices, 2.0)).token)
            except LeaseRefused:
                assert any(set(lease.devices) & set(devices) for lease in held)
        elif held and act == "release":
            leases.release(held[0].token)
        elif held and act == "beat":
            leases.beat(held[0].token)
        taken = [device for lease in leases.current() for device in lease.devices]
        assert len(taken) == len(set(taken))
        assert tokens == leases.tokens(), "the loops know another token"
    assert seen == sorted(set(seen))


async def test_who_takes_over_goes_before_all_who_wait(leases: Leases) -> None:
    held = leases.acquire(leases.wish("agent A"))
    waiting = asyncio.create_task(leases.wait(leases.wish("agent B"), 60))
    await asyncio.sleep(0)
    taken = leases.take_over(leases.wish("operator"))
    assert [lease.holder for lease in leases.current()] == ["operator"]
    assert not waiting.done(), "the queue waits on"
    with pytest.raises(LeaseRefused):
        leases.beat(held.token)
    leases.release(taken.token)
    assert (await waiting).holder == "agent B"
