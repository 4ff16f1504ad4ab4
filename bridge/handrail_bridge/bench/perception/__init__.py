"""How well the model of our own sees, on pictures that it was not made with."""
