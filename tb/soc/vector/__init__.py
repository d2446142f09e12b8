"""VECTOR commands of the golden machine, against other formulas and one fault at a time."""
