"""What bus servos of all families share: the line, the calibration, the bus as the loop sees it."""
