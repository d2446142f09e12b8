"""Feature maps through the accelerator's vector unit: pooling, concatenation, slices."""
