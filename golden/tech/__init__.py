"""DSP blocks as integers: what a primitive computes, and how several products share one."""
