"""Convolution, forward and backward: geometry, exact results, and the order of addresses."""
