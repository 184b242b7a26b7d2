"""The parts of a report, each a function from the material to a section of the page, or to nothing where there is
nothing to show."""
