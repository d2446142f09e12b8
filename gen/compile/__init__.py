"""From layers to programs, in plain Python and NumPy: for blocks and drivers alike."""
