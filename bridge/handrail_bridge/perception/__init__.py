"""Models that look: frames in, typed results with their age out, in a process of its own."""
