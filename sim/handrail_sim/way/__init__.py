"""Ways round what stands in the way: the arm's free space, a path through it, a smooth motion."""
