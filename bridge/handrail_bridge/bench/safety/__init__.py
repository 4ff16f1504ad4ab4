"""``handrail bench safety``: how many unsafe plans are executed, how many safe ones refused."""
