"""The realtime loop: a process of its own that plays permitted trajectories and nothing else."""
