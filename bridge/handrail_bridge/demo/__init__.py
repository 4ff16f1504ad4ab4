"""The demo: the twin, a bridge on its wires, the scripted pilot, and the world's last word."""
