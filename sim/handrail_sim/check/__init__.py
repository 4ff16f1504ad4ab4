"""The check: a plan rolled out in the belief's world, and what was found."""
