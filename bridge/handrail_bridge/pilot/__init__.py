"""The scripted pilot: sorts the cell's objects with nothing but an agent's tools."""
