"""The accelerator: buses, DMA, registers, control and units."""
