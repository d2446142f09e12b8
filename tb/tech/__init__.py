"""Evidence for the DSP cells: models, packing, arrays, area."""
