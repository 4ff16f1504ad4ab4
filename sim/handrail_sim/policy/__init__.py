"""A model as the controller: declared in the cell, played in the check, and in the loop's tick."""
