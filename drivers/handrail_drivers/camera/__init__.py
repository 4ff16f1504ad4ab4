"""Cameras: on the network, on USB, and recorded pictures in their place."""
