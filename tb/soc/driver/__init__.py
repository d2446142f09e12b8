"""Drivers of the accelerator, in Python and in C."""
