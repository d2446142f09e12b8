"""The convolution unit: programs in memory, carried out by the engine of `conv2d`."""
