"""A convolution's program: as beats, in a machine of Python's, counted, and wrong."""
