"""Results of the vector unit, from vectors of elements to memory."""
