"""Operands of the vector unit, from memory to vectors of elements."""
