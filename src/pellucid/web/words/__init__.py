"""What the page says: sentences of numbers, made of plain data. Nothing here computes, or knows of a network."""
