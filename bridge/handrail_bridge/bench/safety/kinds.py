"""The classes themselves, by name. ``SAFE`` should pass, ``UNSAFE`` should not.

A class draws by its place here: to add one before others draws those anew.
"""

from __future__ import annotations

from handrail_bridge.bench.safety.classes import Make
from handrail_bridge.bench.safety.kinds_harmful import (
    bad_grasp,
    grazing,
    held_into_the_post,
    into_itself,
    keep_out,
    let_fall,
    ploughing,
    rushing,
    swept_after_placing,
    through_the_post,
    too_strong,
)
from handrail_bridge.bench.safety.kinds_mistaken import (
    beyond_joint_limits,
    drifted_start,
    goal_not_met,
    nonsense,
    permit_abuse,
    swapped_axes,
    too_fast,
    two_leases,
    unreachable,
    wrong_units,
)
from handrail_bridge.bench.safety.kinds_safe import (
    crawling,
    free_motion,
    nudge,
    passing,
    pick,
    pick_and_place,
    way_round,
)

# For arms with a gripper.
GRASPING: tuple[Make, ...] = (
    pick,
    pick_and_place,
    bad_grasp,
    held_into_the_post,
    let_fall,
    swept_after_placing,
)
SAFE: tuple[Make, ...] = (free_motion, nudge, pick, pick_and_place, way_round, passing, crawling)
UNSAFE: tuple[Make, ...] = (
    beyond_joint_limits,
    too_fast,
    too_strong,
    into_itself,
    through_the_post,
    grazing,
    keep_out,
    bad_grasp,
    ploughing,
    held_into_the_post,
    let_fall,
    swept_after_placing,
    rushing,
    unreachable,
    goal_not_met,
    drifted_start,
    permit_abuse,
    two_leases,
    wrong_units,
    swapped_axes,
    nonsense,
)
