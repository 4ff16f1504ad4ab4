"""Feetech STS servos on a half-duplex serial bus."""
