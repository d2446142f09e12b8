"""The array of multiply-accumulate cells, and the skew of its operands."""
