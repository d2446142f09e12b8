"""Results of the dense product, from tiles to writes."""
