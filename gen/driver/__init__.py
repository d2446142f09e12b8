"""The driver of an accelerator: plain Python and NumPy, on the board and in simulation alike."""
