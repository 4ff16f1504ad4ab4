"""Firmware of boards: built, flashed, asked."""
