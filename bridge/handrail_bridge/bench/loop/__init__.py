"""``handrail bench loop``: how late its ticks are, and how soon a stop is on the wire."""
