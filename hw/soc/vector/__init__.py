"""The vector unit: element by element or row by row, from memory to memory."""
