"""How many cycles a program takes: the memory, each operand's buffer, and the array."""
