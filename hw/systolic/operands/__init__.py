"""A stream of operands: its packets, and its place in the loops of a product."""
