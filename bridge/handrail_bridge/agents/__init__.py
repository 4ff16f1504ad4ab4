"""What agents are given: one set of tools over the client, whatever protocol they speak."""
