"""``handrail bench modbus``: how fast a value is read, and what polling many devices costs."""
