"""Modbus: any register map as typed tools."""
