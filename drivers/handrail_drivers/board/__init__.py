"""Boards with Handrail's firmware: plugged in, they say what they have, and get tools for it."""
