"""Makes the desk's detector: renders of the twin with everything varied, a small net, its figures."""
