"""Makes the desk's policy anew: an expert in the twin, and a net that learns to do as it does."""
