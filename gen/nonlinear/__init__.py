"""Polynomial nonlinearities, softmax and layer normalization."""
