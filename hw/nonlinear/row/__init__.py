"""What softmax and layer normalization are made of: rows, their sums, their lanes."""
