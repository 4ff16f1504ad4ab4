"""Dynamixel X servos (protocol 2.0) on a half-duplex serial bus."""
