"""Scenes for ``inspect-robots``: any policy at the desk, scored from the world's truth."""
