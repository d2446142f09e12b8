"""Token blocks: score, select, pack."""
