"""Axes that a frequency inverter drives."""
