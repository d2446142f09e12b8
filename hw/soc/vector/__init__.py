"""Element by element or row by row, from memory to memory: the vector unit."""
