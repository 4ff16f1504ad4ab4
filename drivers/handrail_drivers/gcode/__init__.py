"""What gantries behind any G-code controller have in common: axes, setpoints that are followed."""
