"""Safe values where the bridge cannot write them: a process of its own."""
