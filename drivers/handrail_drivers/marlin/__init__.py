"""Gantries behind a controller with Marlin."""
