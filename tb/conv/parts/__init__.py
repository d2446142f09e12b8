"""The components of a convolution, one by one."""
