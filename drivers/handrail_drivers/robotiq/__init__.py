"""Robotiq grippers on Modbus RTU."""
