"""What somebody may try with a permit that was given for something else, or beside another.

Each try is a few calls of the leases and the permits themselves: no rail, no loop and no plan that
runs is in it. That a bridge asks both before anything moves, the tests of the rail show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from handrail_drivers.errors import LeaseRefused, PermitRefused
from handrail_sim.plan import Plan

from handrail_bridge.rail.grants import Present
from handrail_bridge.rail.leases import Leases
from handrail_bridge.rail.permits import Permits
from handrail_bridge.reports import Permit

Abuse = Callable[[Permits, Permit, Plan, Present], object]


def reused(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Spend it twice."""
    permits.redeem(permit.id, plan.digest(), present)
    return permits.redeem(permit.id, plan.digest(), present)


def edited(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Change the plan's last step after the check."""
    last = plan.steps[-1].model_copy(update={"speed": 0.999})
    other = plan.model_copy(update={"steps": (*plan.steps[:-1], last)})
    return permits.redeem(permit.id, other.digest(), present)


def another_plan(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Use it for another plan."""
    other = plan.model_copy(update={"steps": plan.steps[:1] * 2})
    return permits.redeem(permit.id, other.digest(), present)


def another_cell(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Use it in a cell whose file has changed."""
    return permits.redeem(permit.id, plan.digest(), replace(present, cell_digest="other"))


def expired(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Come too late."""
    late = replace(present, time=present.time + permits.lifetime)
    return permits.redeem(permit.id, plan.digest(), late)


def forged(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Make a handle up."""
    return permits.redeem(permit.id[::-1], plan.digest(), present)


def stopped(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Use it after a stop."""
    permits.kill_all("was killed by a stop")
    return permits.redeem(permit.id, plan.digest(), present)


def another_lease(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Use it under a lease that somebody else has taken since."""
    leases = {name: token + 1 for name, token in present.leases.items()}
    return permits.redeem(permit.id, plan.digest(), replace(present, leases=leases))


def another_world(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Use it after a thing was seen of which nobody knew where it is."""
    objects = {
        name: replace(thing, source="seen") for name, thing in present.believed.objects.items()
    }
    seen = replace(present, believed=replace(present.believed, objects=objects))
    return permits.redeem(permit.id, plan.digest(), seen)


def outsider(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Move what another client holds, without a lease."""
    leases = _leases(present)
    leases.acquire(leases.wish("first"))
    leases.require(0, leases.devices)
    return permits.redeem(permit.id, plan.digest(), present)


def in_the_queue(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Take a second lease on what another client holds."""
    leases = _leases(present)
    leases.acquire(leases.wish("first"))
    lease = leases.acquire(leases.wish("second"))
    leases.require(lease.token, leases.devices)
    return permits.redeem(permit.id, plan.digest(), present)


def late(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Come with the token of a lease that has ended and went to another client."""
    leases = _leases(present)
    first = leases.acquire(leases.wish("first"))
    leases.release(first.token)
    leases.acquire(leases.wish("second"))
    leases.require(first.token, leases.devices)
    return permits.redeem(permit.id, plan.digest(), present)


def overtaken(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Come with the token of a lease that an operator took over, and with its permit."""
    leases = _leases(present)
    first = leases.acquire(leases.wish("first"))
    leases.take_over(leases.wish("operator"))
    leases.require(first.token, leases.devices)
    return permits.redeem(permit.id, plan.digest(), present)


def moved_meanwhile(permits: Permits, permit: Permit, plan: Plan, present: Present) -> object:
    """Be checked from where the other client's plan began, and come when it has ended."""
    joint = next(iter(present.position))
    ended = {**present.position, joint: present.position[joint] + 2 * permits.joint_drift}
    return permits.redeem(permit.id, plan.digest(), replace(present, position=ended))


def _leases(present: Present) -> Leases:
    def nobody(token: int, devices: tuple[str, ...], until: float) -> None:
        """No loop listens to these."""

    return Leases(tuple(present.leases), 2.0, nobody)


def _by_name(*tries: Abuse) -> dict[str, Abuse]:
    return {one.__name__: one for one in tries}


ABUSES = _by_name(
    reused,
    edited,
    another_plan,
    another_cell,
    expired,
    forged,
    stopped,
    another_lease,
    another_world,
)
RIVALRIES = _by_name(outsider, in_the_queue, late, overtaken, moved_meanwhile)


def goes_through(abuse: str, permits: Permits, permit: Permit, plan: Plan, at: Present) -> bool:
    """Tell whether an abuse by name brings a plan past leases and permits."""
    try:
        {**ABUSES, **RIVALRIES}[abuse](permits, permit, plan, at)
    except (PermitRefused, LeaseRefused):
        return False
    return True
