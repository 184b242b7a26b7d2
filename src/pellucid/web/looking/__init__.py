"""A network that is looked at: what it makes of an image, what reads what, and copies of it with edits."""
