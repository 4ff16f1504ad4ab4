"""Makes the desk's detector: renders of the twin with everything varied, and a small net."""
