"""The dense product as a unit, from memory to memory."""
