"""Gantries and machine tools behind a Grbl controller."""
