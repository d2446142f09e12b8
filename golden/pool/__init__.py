"""Pooling of feature maps: windows, and what becomes of the elements in each."""
