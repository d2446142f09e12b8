"""The specification: bit-exact models of every block, in NumPy integers."""
