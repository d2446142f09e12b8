"""Feature maps, channels last: pooled, joined, cut and made larger by commands of elements."""
