"""Products of matrices by commands."""
