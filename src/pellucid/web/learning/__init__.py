"""A network while it learns: curves, small pictures, and moments to look back at."""
