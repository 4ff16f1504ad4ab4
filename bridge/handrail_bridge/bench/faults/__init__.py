"""From the fault to standstill: a cell, the classes of faults, one trial, and its figures."""
