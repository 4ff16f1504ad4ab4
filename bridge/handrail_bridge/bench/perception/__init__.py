"""How well the model of our own sees, and how soon what it sees stops the arm."""
