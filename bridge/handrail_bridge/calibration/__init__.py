"""Calibration that a person can do: a lens from a printed board, a camera's place from a tag."""
