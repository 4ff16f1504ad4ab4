"""The twin: worlds, wires, limits, check and verdict, and ready cells."""
