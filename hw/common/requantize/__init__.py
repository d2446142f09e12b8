"""From accumulators to results: scale, round, offset, clamp."""
