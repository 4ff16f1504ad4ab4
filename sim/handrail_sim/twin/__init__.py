"""The twin: the truth, and the wires that stand in for hardware."""
