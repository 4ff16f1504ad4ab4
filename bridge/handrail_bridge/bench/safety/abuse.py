"""What somebody may try with a permit that was given for something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from handrail_drivers.errors import PermitRefused
from handrail_sim.plan import Plan

from handrail_bridge.permits import Permits, Present
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
    """Use it after a thing was seen elsewhere."""
    seen = replace(present, belief_version=present.belief_version + 1)
    return permits.redeem(permit.id, plan.digest(), seen)


ABUSES: dict[str, Abuse] = {
    one.__name__: one
    for one in (
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
}


def goes_through(abuse: str, permits: Permits, permit: Permit, plan: Plan, at: Present) -> bool:
    """Tell whether an abuse by name brings a plan past its permit."""
    try:
        ABUSES[abuse](permits, permit, plan, at)
    except PermitRefused:
        return False
    return True
