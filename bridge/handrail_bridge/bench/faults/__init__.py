"""``handrail bench faults``: from the fault to standstill."""
