"""``handrail bench firmware``: commands and samples of a board beside a bare echo."""
